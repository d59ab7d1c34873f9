"""Keys in several partitions that an administrator splits and merges, now and then."""

import json
from typing import Any, Final

from app.events.instants import iso
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE
from app.segments.partition.partition import Partition
from tables import by_value
from tables.profile import INSIDE, SENT, TIMES, Membership
from tests.model.story import START_MS
from tests.properties.spread import COUNTED, KEYS, NAMES, PROBES, RULES, VIEWERS, Spread, events, play, unlike_one_key
from tests.support.choices import Choices

MARKS: Final = {
    "v.yaml": "segment: v\nwhen: count('V' within 10m) >= 2\nfor: 1m\ncooldown: 2m\n",
    "h.yaml": "segment: h\nwhen: exists('O' within 2m)\nhold: 7m\nattach:\n  n: count('V')\nupdates: [n]\n",
    "e.yaml": "segment: e\nenter: exists('V' within 1m)\nexit: exists('W' within 1m)\n",
    "s.yaml": "segment: s\nwhen: exists(sequence('V' then no 'O' for 2m) within 1h) or session.events > 3\n",
    "d.yaml": "segment: d\nwhen: segment('v') or sum(x of 'V' since last 'O') > 5\n",
    "b.yaml": "segment: b\neach: c\nwhen: count('V' within 5m) >= 2 and not segment('l')\ncooldown: 3m\n",
    "l.yaml": (
        "segment: l\neach: c\nwhen: item.quantity > 0 and item.idle >= 3m\n"
        "attach:\n  n: item.quantity\n  p: item.price\nupdates: [n]\n"
    ),
    SETTINGS_FILE: "cart: {add: [V], remove: [W], order: [O], clear: [], key: [c], price: x}\n",
}

IN_GROUPS: Final = (
    "segment: g\nwhen: count('V') >= 2\nexperiment: {name: e, groups: {holdout: 50, mail: 50}}\n",
    (
        "segment: i\nwhen: exists('O' within 2m)\nattach:\n  n: count('V')\nupdates: [n]\n"
        "experiment: {name: f, groups: {a: 30, b: 30}}\n"
    ),
)


def decide_anything(spread: Spread) -> None:
    """Now and then two keys that are linked are split, or any two merged."""
    choices = spread.choices
    if not choices.chance(10):
        return
    linked = [(user, key) for user in KEYS for key in KEYS if spread.is_linked(user, key)]
    if linked and choices.chance(75):
        spread.split(*choices.one_of(*linked))
    else:
        key = choices.one_of(*KEYS)
        spread.merge(key, choices.one_of(*(each for each in KEYS[:2] if each != key)))


def misdivided(choices: Choices) -> str | None:
    """Says how the counts of all profiles together differ from the events where keys are split and merged."""
    said = events(choices, shared=True)
    spread = play(choices, said, COUNTED, decide=decide_anything)
    wanted = len({each["messageId"] for each in said if each["event"] in NAMES})
    found = spread.counts() + spread.late
    return None if found == wanted else f"{wanted} events count {found} times: {json.dumps(said, indent=1)}"


def mistold(choices: Choices) -> str | None:
    """Says how the changes that readers were told differ from who is in what, where keys are split and merged."""
    said = events(choices, shared=True)
    spread = play(choices, said, *MARKS.values(), *IN_GROUPS, decide=decide_anything)
    if spread.regrouped:
        return f"{spread.regrouped[0]}: {json.dumps(said, indent=1)}"
    told = {place: times for place, times in spread.entered.items() if times}
    inside = _inside(spread)
    return None if told == inside else f"readers were told of {told}, not {inside}: {json.dumps(said, indent=1)}"


def misrenamed(choices: Choices) -> str | None:
    """Says who is another kind of person under a new name, to which an administrator moves them; None if nobody is."""
    said = events(choices, shared=True)
    spread = play(choices, said, COUNTED)
    held = {key: profile for key in KEYS if (profile := spread.held(key)) is not None and profile.begun}
    known = {key: profile.identified for key, profile in held.items()}
    counts = spread.counts()
    for key in known:
        spread.merge(key, f"new-{key}")
    spread.read_all()
    renamed = {key: spread.held(f"new-{key}") for key in known}
    found = {key: None if profile is None else profile.identified for key, profile in renamed.items()}
    if found != known:
        return f"who is a user: {known}, and under the new names {found}: {json.dumps(said, indent=1)}"
    after = spread.counts(*(f"new-{key}" for key in known))
    return None if after == counts else f"{counts} events, {after} under the new names: {json.dumps(said, indent=1)}"


def _inside(spread: Spread) -> dict[tuple[str, str], int]:
    """The memberships that the profiles have: of a segment by value, by how many."""
    names = {segment.id: segment.name for segment in spread.partitions[0].program.segments}
    return {
        (key, names[own]): by_value.count_inside(profile.aggregates.get(by_value.state_id(own))) or 1
        for key in KEYS
        if (profile := spread.held(key)) is not None
        for own, member in profile.members.items()
        if member[INSIDE]
    }


def misseparated(choices: Choices) -> str | None:
    """Says how two keys that were split differ from two that were never linked; None if they do not."""
    said = events(choices, shared=False)
    owner = {each["anonymousId"]: each["userId"] for each in said if each["type"] == "identify"}
    key, user = choices.one_of(*owner.items())

    def decide(spread: Spread) -> None:
        if spread.is_linked(user, key) and choices.chance(30):
            spread.split(user, key)

    spread = play(choices, said, PROBES, VIEWERS, decide=decide)
    decide_until = 0
    while spread.is_linked(user, key):
        spread.split(user, key)
        spread.read_all()
        decide_until += 1
    assert decide_until <= 1, "a split leaves the keys linked"
    return unlike_one_key(choices, spread, said, owner | {key: key})


def misreplaced(choices: Choices) -> str | None:
    """Says how a user after a split differs from one who could never claim the key; None if they do not differ."""
    said = events(choices, shared=False)
    owner = {each["anonymousId"]: each["userId"] for each in said if each["type"] == "identify"}
    key, user = choices.one_of(*owner.items())
    number, split_after = choices.one_of(2, 3, 4), choices.whole(1, len(said))
    worlds = []
    for policy in ("follow: always\n", f"blocked: [{key}]\n"):
        program = compile_catalog(load_catalog(dict(MARKS) | {IDENTITY_FILE: policy}), RULES)
        worlds.append(Spread(choices, [Partition(program, RULES) for _ in range(number)], repeats=False))
    linked, never = worlds
    since_ms = -1
    for count, message in enumerate(said, 1):
        for world in worlds:
            world.write(str(message.get("userId") or message["anonymousId"]), -1, json.dumps(message).encode())
            world.read_all()
        if count == split_after and linked.is_linked(user, key):
            linked.split(user, key)
            linked.read_all()
            held = linked.held(user)
            assert held is not None, "a split has forgotten the user"
            since_ms = held.fired_ms
    if since_ms < 0:
        return None
    for world in worlds:
        for hours in (1, 3, 30):
            world.note(world.partitions[world.number_of(user)].advance(START_MS + hours * 3_600_000), 0)
    own, wanted = ([each for each in world.changes if each[0] == user and each[3] > iso(since_ms)] for world in worlds)
    if own != wanted:
        return f"{user} without {key}: {wanted}, not {own}: {json.dumps(said, indent=1)}"
    found = _marks(linked, user)
    theirs = _marks(never, user)
    return None if found == theirs else f"{user} without {key}: {theirs}, not {found}: {json.dumps(said, indent=1)}"


def _marks(world: Spread, user: str) -> list[Any] | None:
    """All of a profile but what readers were told, and what it knows of other keys."""
    profile = world.held(user)
    if profile is None:
        return None
    values = {each.segment for each in world.partitions[0].program.by_value}  # nobody can ask since when one is out
    members = {own: _untold(member) for own, member in profile.members.items() if own not in values or member[INSIDE]}
    aggregates = {own: _values(state) if by_value.is_state(own) else state for own, state in profile.aggregates.items()}
    held = [profile.highest_ms, profile.first_seen_ms, aggregates, profile.due, profile.session, profile.cart]
    return [*held, {own: marks for own, marks in members.items() if any(marks)}, profile.leaves]


def _untold(member: Membership) -> list[Any]:
    """A membership without what readers were told."""
    return [*member[:TIMES], *member[TIMES + 1 : SENT]]


def _values(state: by_value.State) -> dict[str, list[Any]]:
    """The same of each value."""
    found = {}
    for key, entry in state.items():
        member = [] if entry[by_value.MEMBER] is None else _untold(entry[by_value.MEMBER])
        found[key] = [
            entry[by_value.LATEST],
            entry[by_value.AGGREGATES],
            entry[by_value.DUE],
            member if any(member) else None,
        ]
    return found
