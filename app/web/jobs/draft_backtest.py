"""A draft over the latest events beside the definition that is live: who would enter, who would leave."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from app.events.instants import iso
from app.events.message import instant_ms
from app.offline.backtest import Backtest, FileRecord, Summary
from app.offline.backtest_difference import Members
from app.segments.definitions.definition import Catalog, Segment
from app.segments.definitions.dependencies import expressions
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import syntax as s
from app.segments.language.durations import format_duration
from app.segments.language.walk import walk

CHUNK_RECORDS: Final = 2_000
EXAMPLES_MAX: Final = 20
FIRST_RECORDS: Final = 100
"""Of these the earliest event tells since when the events are: they arrive nearly in order."""


class _Event(msgspec.Struct):
    timestamp: str = ""


_decode: Final = msgspec.json.Decoder(_Event).decode


class Mover(msgspec.Struct, frozen=True):
    """A user who would enter or leave. `since`: when they entered, in the definition under which they are in."""

    user: str
    since: str


class CurvePoint(msgspec.Struct, frozen=True):
    """Users in the segment at an instant of the events: live, and with the draft."""

    at: str
    live: int
    draft: int


class BacktestResult(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs are (live, draft). `since`, `until`: of the events. `everything`: the topic holds no older ones. `window`:
    the longest one of the draft, where it is longer than the events reach back; the numbers are too low then."""

    events: int
    used: int
    late: int
    unusable: int
    users: int
    since: str | None
    until: str | None
    everything: bool
    window: str | None
    span: str
    members: tuple[int, int]
    entries: tuple[int, int]
    exits: tuple[int, int]
    enter: int
    leave: int
    enter_examples: list[Mover]
    leave_examples: list[Mover]
    curve: list[CurvePoint]


def backtest_draft(
    records: Sequence[Any],
    catalogs: tuple[Catalog, Catalog],
    name: str,
    rules: TimeRules,
    *,
    everything: bool,
    progress: Callable[[int, int], None],
) -> BacktestResult:
    """Plays records, in order of their arrival, with both catalogs: the live one, and the one with the draft."""
    members = Members(), Members()
    runs = [
        Backtest(catalog, rules, hear=heard.hear)
        for catalog, heard in zip((_without_drafts(catalogs[0]), catalogs[1]), members, strict=True)
    ]
    for start in range(0, len(records), CHUNK_RECORDS):
        progress(start, len(records))
        chunk = [
            FileRecord(start + number, each.timestamp, each.key, each.value)
            for number, each in enumerate(records[start : start + CHUNK_RECORDS])
        ]
        for run in runs:
            run.process(0, chunk)
    summaries = tuple(run.finish() for run in runs)
    live, draft = (each.inside.get(name, {}) for each in members)
    enter = {user: since for user, since in draft.items() if user not in live}
    leave = {user: since for user, since in live.items() if user not in draft}
    since_ms = min(map(_happened_ms, records[:FIRST_RECORDS]), default=-1)
    span_ms = max(0, summaries[1].end_ms - since_ms) if records else 0
    window_ms = longest_window_ms(catalogs[1].segment(name))
    last = summaries[1]
    return BacktestResult(
        events=last.events,
        used=last.accepted,
        late=last.late,
        unusable=sum(last.dead.values()),
        users=last.users,
        since=iso(max(0, since_ms)) if records else None,
        until=iso(last.end_ms) if last.end_ms >= 0 else None,
        everything=everything,
        window=format_duration(window_ms) if window_ms > span_ms and not everything else None,
        span=format_duration(span_ms // 60_000 * 60_000),
        members=(len(live), len(draft)),
        entries=(summaries[0].entries[name], last.entries[name]),
        exits=(summaries[0].exits[name], last.exits[name]),
        enter=len(enter),
        leave=len(leave),
        enter_examples=_examples(enter),
        leave_examples=_examples(leave),
        curve=list(_curve((summaries[0], last), name)),
    )


def _happened_ms(record: Any) -> int:
    """The instant of an event, or of its arrival where it names none."""
    try:
        return instant_ms(_decode(record.value or b"").timestamp)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, TypeError):
        return int(record.timestamp)


def _without_drafts(catalog: Catalog) -> Catalog:
    """A backtest lets drafts live, but nobody is in a draft that is published."""
    gone = (replace(each, status="retired") if each.status == "draft" else each for each in catalog.segments)
    return replace(catalog, segments=tuple(gone))


def longest_window_ms(segment: Segment) -> int:
    """The longest time back that a segment looks itself."""
    nodes = [node for expression in expressions(segment) for node in walk(expression)]
    windows = [node.within_ms for node in nodes if isinstance(node, s.Aggregate | s.Sequence)]
    return max((each for each in windows if each is not None), default=0)


def _examples(movers: dict[str, str]) -> list[Mover]:
    newest = sorted(movers.items(), key=lambda pair: pair[1], reverse=True)
    return [Mover(user, since) for user, since in newest[:EXAMPLES_MAX]]


def _curve(summaries: tuple[Summary, Summary], name: str) -> Iterator[CurvePoint]:
    live = {clock_ms: inside.get(name, 0) for clock_ms, inside in summaries[0].members}
    for clock_ms, inside in summaries[1].members:
        if clock_ms >= 0 and clock_ms in live:
            yield CurvePoint(iso(clock_ms), live[clock_ms], inside.get(name, 0))
