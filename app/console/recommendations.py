"""Recommendations for people: what was learnt, what was measured, and items for a history."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say
from app.console.output_file import STANDARD_OUTPUT
from app.events.visible_text import visible_line
from app.recommendations.histories import Histories
from app.recommendations.measuring import CASES_FEW, Measured, Share
from app.recommendations.model import Recommendations, Recommended


def show_learnt(console: Console, learnt: Recommendations, histories: Histories, output: Path) -> None:
    """Says what a file holds, and what was left out of it."""
    place = "" if output == STANDARD_OUTPUT else f" in {output}"
    say(
        console,
        f"neighbours of {counted(len(learnt.neighbours), 'item')} of {counted(learnt.users, 'user')}{place}, "
        f"{learnt.trained_from[:10]} to {learnt.trained_until[:10]}",
    )
    if learnt.segments:
        named = ", ".join(f"{each.segment} ({each.users:,})" for each in learnt.segments)
        say(console, f"popular items of segments: {named}")
    show_left_out(console, histories)


def show_left_out(console: Console, histories: Histories) -> None:
    """Says which events were left out, and why."""
    if histories.without_item:
        say(console, f"left out, without an item: {counted(histories.without_item, 'event')}", "yellow")
    for reason, count in histories.unusable.most_common():
        say(console, f"left out as unusable: {count:,} ({reason})", "yellow")


def show_measured(console: Console, measured: Measured, learnt: Recommendations, histories: Histories) -> None:
    """Shows how often each way hits, then a verdict."""
    say(
        console,
        f"learnt from {counted(learnt.users, 'user')} before {measured.split}; "
        f"{counted(measured.cases, 'case')} of {counted(measured.users, 'user')} after it",
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("items shown")
    for name in (f"next one among {measured.most}", "95 %", "more than popular", "95 %", "different items"):
        table.add_column(name, justify="right")
    for way in measured.ways:
        gain = ("", "") if way.gain is None else (f"{way.gain.value:+.3f}", _interval(way.gain, sign="+"))
        rate = way.hit_rate
        table.add_row(way.name, f"{rate.value:.3f}", _interval(rate), *gain, f"{way.items_shown:,}")
    console.print(table)
    if measured.unseen:
        say(console, f"in {counted(measured.unseen, 'case')} the next item was not known before: no way can hit")
    if measured.cases < CASES_FEW:
        say(console, f"fewer than {CASES_FEW} cases decide nothing: give more events", "yellow")
    elif measured.is_better:
        say(console, "neighbours are better than popular items")
    else:
        say(console, "neighbours are not better than popular items for certain", "yellow")
    show_left_out(console, histories)


def show_items(console: Console, items: Sequence[Recommended]) -> None:
    """Shows items, and why each is there."""
    table = Table(box=None, pad_edge=False)
    table.add_column("item", overflow="fold")
    table.add_column("because of", overflow="fold")
    for each in items:
        table.add_row(Text(visible_line(each.item)), Text(visible_line(each.because or "(popular)")))
    console.print(table)


def _interval(share: Share, *, sign: str = "") -> str:
    return f"{share.low:{sign}.3f} to {share.high:{sign}.3f}"
