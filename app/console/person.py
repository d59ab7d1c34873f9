"""A person for people: their keys, since when, why, and what became of each claim."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say, show_exact
from app.events.message import instant_ms
from app.events.visible_text import visible_line
from app.offline.key_split import Split
from app.offline.person import Key, Person
from app.offline.person_keys import Erasure

_WHY: Final = {
    "identify": "identify",
    "alias": "alias",
    "seen": "an event with both ids",
    "force": "an administrator",
}
_STATES: Final = {
    "asked": "claimed, not answered yet",
    "given": "theirs; what it remembered has moved",
    "moved": "theirs; it remembered nothing, or that is on its way",
    "lost": "lost to another user",
    "released": "logged out",
    "split": "split off by an administrator, for ever",
}


def show_person(console: Console, person: Person) -> None:
    """Prints all of it. Names come from outside: each stays on one line, without control characters."""
    for move in person.moves:
        by = ", by an administrator" if move.forced else ""
        say(console, f"{move.source} has moved to {move.to} (latest claim {_at(move.at)}{by})")
    say(console, _headline(person), "bold")
    if person.shared_until is not None:
        say(console, f"shared by too many users: belongs to nobody until {_at(person.shared_until)}", "yellow")
    if not person.keys:
        say(console, "no other keys")
        return
    say(console, f"{counted(len(person.keys), 'claimed id')}:")
    table = Table(box=None, header_style="bold")
    for title in ("id", "latest claim (UTC)", "why", "state"):
        table.add_column(title, overflow="fold")
    for key in person.keys:
        table.add_row(Text(visible_line(key.id)), _at(key.at), Text(_why(key)), Text(_state(key)))
    console.print(table)


def show_split(console: Console, split: Split) -> None:
    """Prints what a split changes, or would change."""
    user, key = split.user, split.key
    say(console, f"{key} is split from {user}" if split.written else f"{key} would be split from {user}", "bold")
    if split.returned:
        say(console, f"what {key} remembered and did, {counted(split.returned, 'record')}, goes back to it")
    else:
        say(console, f"nothing of {key} has come to {user}")
    for verb, names in (("leaves", split.leaves), ("enters", split.enters)):
        if names:
            say(console, f"{user} {verb} {', '.join(names)}")
    if not split.leaves and not split.enters:
        say(console, f"{user} stays in the same segments")


def show_erasure(console: Console, erasure: Erasure) -> None:
    """Prints the keys that are erased, or would be."""
    user = visible_line(erasure.user)
    say(console, f"{user} is erased" if erasure.written else f"{user} would be erased", "bold")
    say(console, f"{counted(len(erasure.keys), 'key')}:")
    for key in erasure.keys:
        say(console, f"  {visible_line(key)}")
    if erasure.suppressed:
        till = f"until shoal users unsuppress {user}"
        say(
            console,
            f"later events of {user} are dropped {till}" if erasure.written else f"later events would be, {till}",
        )
    if erasure.written:
        say(console, f"events and logs go with the retention of their topics: shoal users erase {user} --status")


def _headline(person: Person) -> str:
    if person.first_seen is None or person.last_seen is None:
        return f"{person.user}: no event of this key is remembered"
    kind = "a user" if person.identified else "a visitor without a userId"
    return f"{person.user}: {kind}, first seen {_at(person.first_seen)}, last seen {_at(person.last_seen)} (UTC)"


def _why(key: Key) -> str:
    """The maker of the claim."""
    return _WHY.get(key.why, visible_line(key.why))


def _state(key: Key) -> str:
    if key.state == "refused":
        return f"refused: {visible_line(key.reason or key.why)}"
    if key.owner is not None:
        return f"belongs to {visible_line(key.owner)}"
    return _STATES.get(key.state, visible_line(key.state))


def _at(instant: str) -> str:
    return show_exact(instant_ms(instant))
