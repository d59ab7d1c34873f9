"""An explanation for people: in or not, each part of the condition with its value, what comes next."""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import counted, ordinal, say, show_exact, show_span
from app.console.reasons import Reasons
from app.events.instants import iso
from app.events.message import instant_ms
from app.offline.explanation import Explanation, Heard, Mark, OfValue, Part, Role
from app.segments.definitions.definition import Catalog
from app.segments.definitions.dependencies import references
from app.segments.evaluation.batch import Linked
from app.segments.evaluation.change import Change
from app.segments.language import canonical
from app.segments.language.durations import format_duration
from tables.by_value import written

ROLES: Final[dict[Role, str]] = {"when": "in while", "enter": "enters when", "exit": "leaves when"}
_JOINED: Final = {"all": "all of these", "any": "at least one of these", "not": "none of this"}
_INDENT: Final = "  "
LINKS_SHOWN_MAX: Final = 20
_WHY: Final = {"seen": "an event with both ids", "force": "by an administrator"}


def show_explanation(
    console: Console, told: Explanation, heard: Heard, catalog: Catalog, *, changes_max: int, first_ms: int
) -> None:
    """All of it. `first_ms`: when the user's first event of the files was, -1 for none."""
    if told.asked != told.user:
        say(console, f"{told.asked} belongs to {told.user} since a login: this is about {told.user}")
    say(console, _headline(told), "bold")
    say(console, _INDENT + _standing(told, first_ms))
    for exposed in _groups(told):
        say(console, _INDENT + exposed)
    for role, part in told.conditions.items():
        console.print()
        say(console, ROLES[role], "bold")
        console.print(condition_table(part, lambda since_ms: _since(since_ms, told.at_ms)))
    for mark in told.marks:
        console.print()
        say(console, _mark(mark), "yellow")
    reasons = Reasons(catalog)
    if told.values:
        _show_values(console, told, reasons)
    elif told.known:
        console.print()
        say(console, "next, if no event comes", "bold")
        say(console, _INDENT + _next(told, reasons))
    if told.sent:
        console.print()
        say(console, "values sent last", "bold")
        for name, value in told.sent.items():
            say(console, f"{_INDENT}{name}: {show_value(value, nothing='null')}")
    if told.last and changes_max:
        console.print()
        say(console, _changes_title(len(told.last), changes_max), "bold")
        console.print(changes_table(told.last, reasons, show_exact, shown_max=changes_max, values=told.value is None))
    if told.links:
        console.print()
        say(console, "logins: which ids are one person", "bold")
        for link in told.links[-LINKS_SHOWN_MAX:]:
            say(console, f"{_INDENT}{link_text(link)}")
    notes = [*left_out(heard), *_others(told)]
    if notes:
        console.print()
    for note in notes:
        say(console, note, "dim")


def _show_values(console: Console, told: Explanation, reasons: Reasons) -> None:
    """All known values of a segment by value: those by which the user is in, and the others."""
    inside = [each for each in told.values if each.inside]
    outside = [each for each in told.values if not each.inside]
    for title, values in (("in by", inside), ("known, and not in by", outside)):
        if not values:
            continue
        console.print()
        say(console, title, "bold")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(overflow="fold", max_width=60)
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for each in values:
            row = (_INDENT + written(each.value), _standing_of(each, told.at_ms), _next_of(each, told, reasons))
            table.add_row(*map(Text, row))
        console.print(table)
    console.print()
    say(
        console,
        f"for the reasons of one, ask again with --value {shlex.quote(written(told.values[0].value))}",
        "dim",
    )


def _standing_of(each: OfValue, at_ms: int) -> str:
    if each.since_ms is None:
        return f"never was; latest event at {show_exact(each.latest_ms)}"
    if not each.inside:
        return f"left at {show_exact(each.since_ms)} ({show_span(at_ms - each.since_ms)} ago)"
    return f"for the {ordinal(each.times)} time, {_since(each.since_ms, at_ms)}"


def _next_of(each: OfValue, told: Explanation, reasons: Reasons) -> str:
    if each.next is None:
        return "stays so without an event"
    at_ms = instant_ms(each.next.at)
    does = "enters" if each.next.change == "entered" else "leaves"
    turned_at = None if each.since_ms is None else iso(each.since_ms)
    why = reason_of(each.next, reasons, turned_at)
    return f"{does} at {show_exact(at_ms)} (in {show_span(at_ms - told.at_ms)}): {why}"


def link_text(link: Linked) -> str:
    """The result of a login, for people.

    >>> link_text(Linked("", "a-1", "ann", 1_767_607_200_000, "identify", "given"))
    '2026-01-05 10:00:00: ann logged in on a-1 (identify): what a-1 did before is part of ann'
    """
    a, user = link.source, link.to
    why = _WHY.get(link.why, link.why)
    claimed = f"{user} logged in on {a} ({why})"
    texts = {
        "given": f"{claimed}: what {a} did before is part of {user}",
        "empty": f"{claimed}: nothing was remembered of {a} itself",
        "lost": f"another user logged in on {a}: what it does from here on is theirs; {user} keeps what it did before",
        "released": f"{user} logged out on {a}: what it does from here on is its own",
        "split": f"an administrator has taken {a} from {user}, with what it did",
        "ended": f"{a} is its own again: {user} has nothing of what it does from here on",
        "refused:identified": f"{claimed}: refused, as {a} is itself a user",
        "refused:shared": f"{claimed}: refused, as {a} has had too many users within 30 days",
    }
    return f"{show_exact(max(link.at_ms, 0))}: {texts.get(link.result, f'{claimed}: {link.result}')}"


def _headline(told: Explanation) -> str:
    title = f" ({told.segment.title})" if told.segment.title else ""
    is_in = "is in" if told.inside else "is not in"
    by = "" if told.value is None else f" by {written(told.value)}"
    return f"{told.user} {is_in} {told.segment.name}{by}{title} at {show_exact(told.at_ms)} UTC"


def _standing(told: Explanation, first_ms: int) -> str:
    if told.segment.status == "retired":
        return "the segment is retired: nobody is in it"
    if told.forgotten:
        return "forgotten: there was no event of this user for too long"
    if not told.known:
        return "no event of this user has counted by then" + (
            f"; the first is at {show_exact(first_ms)}" if first_ms > told.at_ms else ""
        )
    if not told.remembered:
        return "was in by it before; now nothing of it is remembered: all windows have passed, or others took its place"
    if told.segment.each is not None and told.value is None and not told.values:
        return f"no value of {canonical.path_text(told.segment.each.path)} is known"
    if told.since_ms is None:
        return "has never been in"
    ago = show_span(told.at_ms - told.since_ms)
    if told.inside:
        return f"for the {ordinal(told.times)} time, since {show_exact(told.since_ms)} ({ago})"
    return f"was in {counted(told.times, 'time')}, left at {show_exact(told.since_ms)} ({ago} ago)"


def _groups(told: Explanation) -> Iterator[str]:
    """The groups of one who is in, by the latest change."""
    experiments = told.last[-1].experiments if told.inside and told.last else UNSET
    for each in () if experiments is UNSET else experiments:
        crossed = ", has crossed from another group by a login" if each.crossed else ""
        yield f"in the group {each.group} of the experiment {each.experiment}{crossed}"


def _since(since_ms: int, at_ms: int) -> str:
    return f"since {show_exact(since_ms)} ({show_span(at_ms - since_ms)})"


def condition_table(part: Part, since: Callable[[int], str]) -> Table:
    """A condition part by part: whether it holds, its value, since when it is so."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=None, overflow="fold")
    table.add_column(overflow="fold", max_width=60)
    table.add_column(no_wrap=True, style="dim")
    for depth, line, text in _lines(part, 0):
        sign = Text(f"{_INDENT}✓", style="green") if line.holds else Text(f"{_INDENT}✗", style="red")
        atom = line.parts[0] if line.way == "not" else line
        value = show_value(atom.value) if atom.way == "atom" and not isinstance(atom.value, bool) else ""
        table.add_row(sign, Text(_INDENT * depth + text), Text(value), Text(since(line.since_ms)))
        for points in atom.points:
            table.add_row("", Text(f"{_INDENT * (depth + 1)}{points.entry}", "dim"), Text(str(points.value), "dim"))
    return table


def _lines(part: Part, depth: int) -> Iterator[tuple[int, Part, str]]:
    if part.way == "atom" or (part.way == "not" and part.parts[0].way == "atom"):
        yield depth, part, part.text
    elif part.way == "all" and not depth:
        for inner in part.parts:
            yield from _lines(inner, depth)
    else:
        yield depth, part, _JOINED[part.way]
        below = part.parts[0] if part.way == "not" and part.parts[0].way == "any" else part
        for inner in below.parts:
            yield from _lines(inner, depth + 1)


def show_value(value: Any, *, nothing: str = "nothing") -> str:
    """A value of evidence or attachments, in a few words."""
    if value is None:
        return nothing
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or nothing
    return str(value)


def _mark(mark: Mark) -> str:
    since, until = show_exact(mark.since_ms), show_exact(mark.until_ms)
    length = format_duration(mark.until_ms - mark.since_ms)
    match mark.key:
        case "for":
            return f"for: {length}: what lets in is true since {since}; enters at {until} if it stays so"
        case "hold":
            return f"hold: {length}: would leave, but stays until {until} at least (in since {since})"
        case "cooldown":
            return f"cooldown: {length}: left at {since}, does not enter before {until}"
        case "warmup":
            return f"warmup: wait: the segment's windows are seen in full from {until} on; nobody is in before"


def _next(told: Explanation, reasons: Reasons) -> str:
    change = told.next
    if change is None:
        assert told.forgotten_ms is not None
        return f"nothing changes; the user is forgotten at {show_exact(told.forgotten_ms)}"
    at_ms = instant_ms(change.at)
    does = "enters" if change.change == "entered" else "leaves"
    soon = show_span(at_ms - told.at_ms)
    turned_at = next((each.at for each in reversed(told.last) if each.change != "updated"), None)
    return f"{does} at {show_exact(at_ms)} (in {soon}): {reason_of(change, reasons, turned_at)}"


def reason_of(change: Change, reasons: Reasons, turned_at: str | None) -> str:
    """Describes the cause of a change. `turned_at`: when the user had entered or left before."""
    return reasons.of(msgspec.json.decode(change.encode()), turned_at=turned_at)


def _changes_title(count: int, changes_max: int) -> str:
    return "changes" if count <= changes_max else f"last {changes_max} of {count:,} changes"


def changes_table(
    changes: Sequence[Change],
    reasons: Reasons,
    show: Callable[[int], str],
    *,
    shown_max: int | None = None,
    values: bool = True,
) -> Table:
    """The last changes of one user and one segment, with their reasons; all without `shown_max`. `values`: with the
    values that they are about, if they are by value."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    values = values and any(each.value is not None for each in changes)
    if values:
        table.add_column(overflow="fold", max_width=60)
    table.add_column(overflow="fold")
    colours = {"entered": "green", "exited": "red", "updated": "cyan"}
    first = 0 if shown_max is None else len(changes) - shown_max
    turned: dict[str, str] = {}
    for number, change in enumerate(changes):
        if number >= first:
            table.add_row(
                Text(_INDENT + show(instant_ms(change.at))),
                Text(change.change, style=colours[change.change]),
                Text(f"{ordinal(change.times)} time"),
                *([] if not values or change.value is None else [Text(written(change.value))]),
                Text(reason_of(change, reasons, turned.get(_key(change)))),
            )
        if change.change != "updated":
            turned[_key(change)] = change.at
    return table


def _key(change: Change) -> str:
    """The value that a change is about, as JSON: a number is not the text."""
    return json.dumps(change.value)


def left_out(heard: Heard) -> Iterator[str]:
    """Describes the events that changed nothing."""
    if heard.late_ms:
        behind = format_duration(max(heard.late_ms))
        yield f"{counted(len(heard.late_ms), 'event')} came too late (up to {behind}) and changed nothing"
    if heard.waiting:
        wait = "waits for its" if heard.waiting == 1 else "wait for their"
        yield f"{counted(heard.waiting, 'event')} {wait} turn (order) and changed nothing yet"
    if heard.duplicates:
        yield f"{counted(heard.duplicates, 'repeated message')} (same messageId) changed nothing"
    for dead in dict.fromkeys(heard.dead):
        yield f"{counted(heard.dead.count(dead), 'event')} could not be used: {dead}"


def _others(told: Explanation) -> Iterator[str]:
    """Other segments and scores that the condition asks for."""
    used = [reference.name for reference in references(told.segment) if reference.kind == "segment"]
    if used and told.conditions:
        asked = " or ".join(f"--segment {name}" for name in dict.fromkeys(used))
        yield f"it uses other segments: ask again with {asked}"
