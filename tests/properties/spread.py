"""The keys of people in several partitions, whose link records are read at any later place of the logs."""

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from app.runtime.kafka.partitioner import partition_of
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import IDENTITY_FILE, SETTINGS_FILE
from app.segments.evaluation.batch import Batch
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from tables.identity import SPLIT
from tables.profile import Profile
from tests.model.plain import instant_text
from tests.model.story import START_MS
from tests.support.choices import Choices
from tests.support.separating import Written, merge_records, split_records

RULES: Final = TimeRules()
EVENTS_MAX: Final = 30
NAMES: Final = ("V", "V", "W", "O")
PROBE: Final = "probe"
DECIDED_MS: Final = START_MS + 86_400_000
ORDER_FREE: Final = (
    "count('V')",
    "count('V' within 10m)",
    "count('V' since last 'O')",
    "count('V' per c within 1h)",
    "sum(x of 'V')",
    "sum(x of 'V' within 10m)",
    "avg(x of 'W' within 1h)",
    "min(x of 'V' within 5m)",
    "max(x of 'V')",
    "distinct(c of 'V' within 10m)",
    "key(count('V' per c within 10m))",
    "first(x of 'V')",
    "last(x of 'W')",
    "exists('O' within 5m)",
    "since('O')",
    "user.first_seen",
)
PROBES: Final = "segment: probes\nenter: exists('probe')\nexit: never('probe')\nattach:\n" + "".join(
    f"  v{number}: {json.dumps(expression)}\n" for number, expression in enumerate(ORDER_FREE)
)
COUNTED: Final = "segment: counted\nwhen: count('V') > 1000000 or count('W') > 1000000 or count('O') > 1000000\n"
VIEWERS: Final = "segment: viewers\nwhen: count('V') >= 2\n"


class LogRecord(NamedTuple):
    """A record as the pure half reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Spread:
    """Partitions with their logs. A log is read when chance says so; what is written into it meanwhile comes behind."""

    choices: Choices
    partitions: list[Partition]
    repeats: bool
    logs: list[deque[LogRecord]] = field(default_factory=list)
    kept: list[list[LogRecord]] = field(default_factory=list)
    catalogs: dict[int, bytes] = field(default_factory=dict)
    groups: dict[tuple[str, str], Any] = field(default_factory=dict)
    regrouped: list[str] = field(default_factory=list)
    decisions: int = 0
    duplicates: int = 0
    late: int = 0
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    entered: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs = [deque() for _ in self.partitions]
        self.kept = [[] for _ in self.partitions]

    def write(self, key: str, t_ms: int, value: bytes) -> None:
        number = self.number_of(key)
        record = LogRecord(len(self.kept[number]), t_ms, key.encode(), value)
        self.kept[number].append(record)
        self.logs[number].append(record)

    def number_of(self, key: str) -> int:
        return partition_of(key.encode(), len(self.partitions))

    def held(self, key: str) -> Profile | None:
        return self.partitions[self.number_of(key)].held(key)

    def is_linked(self, user: str, key: str) -> bool:
        """True if the user has claimed the key, and it was not split off."""
        known = self.held(user)
        identity = None if known is None or known.moved_to is not None else known.identity
        claim = None if identity is None else identity.claims.get(key)
        return claim is not None and claim.state != SPLIT and not claim.is_refused

    def split(self, user: str, key: str) -> None:
        """The command, in one step."""
        number = self.number_of(user)
        program = self.partitions[number].program
        self.decisions += 1
        self._write_all(
            split_records(
                user,
                key,
                self.kept[number],
                program=program,
                rules=RULES,
                catalog=self.catalogs[number],
                n=DECIDED_MS + self.decisions,
                at_ms=DECIDED_MS,
            )
        )

    def merge(self, key: str, user: str) -> None:
        """The other command."""
        self.decisions += 1
        self._write_all(merge_records(key, user, rules=RULES, n=DECIDED_MS + self.decisions, at_ms=DECIDED_MS))

    def _write_all(self, written: Written) -> None:
        for each, value in written:
            self.write(each, DECIDED_MS, value)

    def read(self, number: int, most: int) -> None:
        """The next records of one log, as one batch."""
        records = [self.logs[number].popleft() for _ in range(min(most, len(self.logs[number])))]
        self.note(self.partitions[number].process(records), number)

    def note(self, batch: Batch, number: int) -> None:
        assert not batch.dead, batch.dead
        if (entry := batch.profiles.get(CATALOG_KEY)) is not None:
            self.catalogs[number] = entry
        self.duplicates += batch.duplicates
        self.late += len(batch.late)
        for change in batch.changes:
            said = json.loads(change.encode())
            self.changes.append((said["user"], said["segment"], said["change"], said["at"]))
            if said["segment"] == "probes" and said["change"] == "entered":
                self.told[said["user"]] = said["attach"]
            self.entered[said["user"], said["segment"]] += {"entered": 1, "exited": -1}.get(said["change"], 0)
            self.note_groups(said)
        for link in batch.links:
            for _ in range(2 if self.repeats and self.choices.chance(20) else 1):
                self.write(link.key, START_MS, link.value)

    def note_groups(self, said: dict[str, Any]) -> None:
        """A change and the group of its membership's entry, if they differ."""
        place, told = (said["user"], said["segment"]), (said["group"], [*map(_group, said.get("experiments", ()))])
        if said["change"] == "entered":
            self.groups[place] = told
        elif told != self.groups[place]:
            self.regrouped.append(f"{said['change']} of {place} tells {told}, its entry {self.groups[place]}")

    def read_all(self) -> None:
        """Everything, in any order of the partitions."""
        while any(self.logs):
            number = self.choices.one_of(*(each for each, log in enumerate(self.logs) if log))
            self.read(number, self.choices.one_of(1, 1, 2, 5))

    def counts(self, *more: str) -> int:
        """All-time counts of all profiles together, also of those of more keys."""
        return sum(
            sum(state for state in profile.aggregates.values() if isinstance(state, int))
            for partition in self.partitions
            for key in (*KEYS, *more)
            if (profile := partition.profile(key)) is not None
        )


def _group(exposed: dict[str, Any]) -> tuple[str, str]:
    return exposed["experiment"], exposed["group"]


KEYS: Final = ("u1", "u2", "a1", "a2", "a3", "a4")
"""All keys: two users and their devices."""


def program_of(*files: str, people: bool) -> Any:
    """A program with the rules of identity, or without."""
    texts = {SETTINGS_FILE if text.startswith("cart:") else f"{n}.yaml": text for n, text in enumerate(files)}
    return compile_catalog(load_catalog(texts | ({IDENTITY_FILE: "follow: always\n"} if people else {})), RULES)


def events(choices: Choices, *, shared: bool) -> list[dict[str, Any]]:
    """A history in order of time; devices of one person each, or of both. Each repeat is the same message again."""
    on: dict[str, str | None] = dict.fromkeys(KEYS[2:])
    owner = {device: choices.one_of("u1", "u2") for device in on}
    found: list[dict[str, Any]] = []
    for number in range(choices.whole(5, EVENTS_MAX)):
        if found and choices.chance(8):
            found.append(found[-1])
            continue
        device = choices.one_of(*on)
        if choices.chance(30):
            on[device] = choices.one_of("u1", "u2") if shared else owner[device]
        said: dict[str, Any] = {
            "type": "track",
            "event": choices.one_of(*NAMES),
            "messageId": f"m{number}",
            "anonymousId": device,
            "timestamp": instant_text(START_MS + number * 60_000 + choices.whole(0, 59_999)),
            "properties": {"x": choices.whole(-3, 9), "c": choices.one_of("a", "b", "d")},
        }
        user = on[device]
        if user is not None and choices.chance(70):
            said["userId"] = user
            if shared and choices.chance(15):
                said["event"], on[device] = "Signed Out", None
        found.append(said)
    if not shared:  # each device says at last whose it is
        for number, (device, user) in enumerate(owner.items(), EVENTS_MAX):
            at = instant_text(START_MS + number * 60_000)
            found.append({"type": "identify", "userId": user, "anonymousId": device, "timestamp": at})
    return found


def play(
    choices: Choices,
    said: list[dict[str, Any]],
    *files: str,
    decide: Callable[[Spread], None] = lambda _: None,
    read_all: bool = True,
) -> Spread:
    """The history in 2 to 4 partitions, and all that the link records bring about.

    `decide`: an administrator, after each event. `read_all` False: what is unread at the end stays so."""
    program = program_of(*files, people=True)
    number = choices.one_of(2, 3, 4)
    spread = Spread(choices, [Partition(program, RULES) for _ in range(number)], repeats=choices.chance(50))
    for message in said:
        spread.write(str(message.get("userId") or message["anonymousId"]), -1, json.dumps(message).encode())
        if choices.chance(40):
            spread.read(choices.below(number), choices.one_of(1, 2, 5))
        decide(spread)
    if read_all:
        spread.read_all()
    return spread


def miscounted(choices: Choices) -> str | None:
    """Says how the counts of all profiles together differ from the events; None if they do not."""
    said = events(choices, shared=True)
    spread = play(choices, said, COUNTED)
    wanted = len({each["messageId"] for each in said if each["event"] in NAMES})
    found = spread.counts() + spread.late
    return None if found == wanted else f"{wanted} events count {found} times: {json.dumps(said, indent=1)}"


def misremembered(choices: Choices) -> str | None:
    """Says how a user with several keys differs from one with the same events under one key; None if they do not."""
    said = events(choices, shared=False)
    owner = {each["anonymousId"]: each["userId"] for each in said if each["type"] == "identify"}
    spread = play(choices, said, PROBES, VIEWERS)
    return unlike_one_key(choices, spread, said, owner)


def unlike_one_key(choices: Choices, spread: Spread, said: list[dict[str, Any]], owner: dict[str, str]) -> str | None:
    """Says what differs from the same events under one key each: `owner` has that of each anonymous id."""
    alone = Spread(choices, [Partition(program_of(PROBES, VIEWERS, people=False), RULES)], repeats=False)
    for message in sorted(said, key=lambda each: str(each["timestamp"])):
        user = message.get("userId") or owner[message["anonymousId"]]
        alone.write(user, -1, json.dumps({**message, "userId": user}).encode())
    alone.read_all()
    for user in sorted(set(owner.values())):
        name = "userId" if user in KEYS[:2] else "anonymousId"
        probe = {"type": "track", "event": PROBE, name: user, "timestamp": instant_text(START_MS + 3_600_000)}
        for each in (spread, alone):
            each.write(user, -1, json.dumps(probe).encode())
            each.read_all()
        if (other := spread.told.get(user)) != alone.told[user]:
            pairs = zip(ORDER_FREE, alone.told[user].values(), (other or alone.told[user]).values(), strict=True)
            wrong = [f"{text}: {one!r}, not {found!r}" for text, one, found in pairs if one != found]
            return f"{user}: {', '.join(wrong)}: {json.dumps(said, indent=1)}"
    left = {
        key: spread.entered[key, "viewers"] for key in owner if owner[key] != key and spread.entered[key, "viewers"]
    }
    return f"visitors who never left: {left}: {json.dumps(said, indent=1)}" if left else None
