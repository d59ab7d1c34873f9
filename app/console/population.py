"""Reports about all segments together, as tables for people."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.options import show_instant
from app.console.output import counted, say
from app.console.tables import sparkline
from app.events.message import instant_ms
from app.events.visible_text import visible_line
from app.population.drift import Drift
from app.population.freshness import Freshness
from app.population.overlap import Overlap, Pair
from app.population.personas import PersonaSize
from app.population.sizes import POINTS, SegmentSize

_STYLES: Final = {"large": "bold red", "moderate": "yellow", "stable": ""}
SMALL_SHOWN_MAX: Final = 50


def show_sizes(console: Console, sizes: Sequence[SegmentSize]) -> None:
    """Users of each segment, now and before."""
    table = _table("segment", right=("users", "since a day", "since a week"), left=("over time", "last entry"))
    for each in sizes:
        known = [point.users for point in each.over_time if point.users is not None]
        table.add_row(
            Text(each.segment),
            f"{each.users:,}",
            _difference(each.users, each.day_ago),
            _difference(each.users, each.week_ago),
            sparkline(known, width=POINTS) or "-",
            _instant(each.last_entry),
        )
    console.print(table)


def show_personas(console: Console, found: Sequence[PersonaSize]) -> None:
    """The personas with their users, traits and offers; a line says so if there are none."""
    if not found:
        say(console, "no live segment has a persona: docs/language.md says how to write one")
        return
    table = _table("persona", right=("users", "share"), left=("segment", "traits", "offer"))
    for each in found:
        table.add_row(
            Text(visible_line(each.name)),
            f"{each.users:,}",
            "-" if each.share is None else f"{100 * each.share:.1f} %",
            Text(each.segment),
            Text(visible_line("; ".join(each.traits))),
            Text(visible_line(each.offer)),
        )
    console.print(table)


def show_overlap(console: Console, found: Overlap) -> None:
    """Pairs of segments, candidates to be merged, and small segments."""
    say(console, f"{counted(found.segments, 'segment')}, {counted(found.pairs_total, 'pair')} compared")
    if found.sampled:
        say(console, "a sample chose the pairs; one that overlaps about as much as the last may be missing")
    if found.pairs:
        console.print(_pairs(found.pairs))
    else:
        say(console, "no two of them have a user in common")
    others = [pair for pair in found.candidates if pair not in found.pairs]
    if others:
        say(console)
        say(console, "more candidates to be merged", "bold")
        console.print(_pairs(others))
    if found.small:
        say(console)
        say(console, f"{counted(len(found.small), 'small segment')}", "bold")
        for name, users in list(found.small.items())[:SMALL_SHOWN_MAX]:
            say(console, f"{name}: {counted(users, 'user')}")
        if len(found.small) > SMALL_SHOWN_MAX:
            say(console, "...")


def show_drift(console: Console, found: Drift) -> None:
    """Shares of all memberships, now and before."""
    now, before = (show_instant(instant_ms(text)) for text in (found.at, found.before))
    say(console, f"{before} against {now}")
    say(console, f"population stability index of all segments: {found.psi:.3f}, {found.verdict}", "bold")
    table = _table("segment", right=("before", "now", "share before", "share now", "times", "index"), left=("drift",))
    for each in found.segments:
        table.add_row(
            Text(each.segment),
            f"{each.users_before:,}",
            f"{each.users:,}",
            f"{each.share_before:.2%}",
            f"{each.share:.2%}",
            f"{each.ratio:.2f}",
            f"{each.psi:.4f}",
            Text(each.verdict, style=_STYLES[each.verdict]),
        )
    console.print(table)
    if found.uncounted:
        say(console, f"not counted then: {', '.join(found.uncounted)}")


def show_freshness(console: Console, found: Freshness) -> None:
    """The last change and the last event of each segment."""
    for what, since in (("changes", found.changes_since), ("events", found.events_since)):
        if since is not None:
            say(console, f"read the {what} since {_instant(since)}; what is older is not known")
    table = _table("segment", left=("last change", "last event", "kinds of events without any"))
    for each in found.segments:
        table.add_row(
            Text(each.segment), _instant(each.last_change), _instant(each.last_event), Text(", ".join(each.missing))
        )
    console.print(table)


def _pairs(pairs: Sequence[Pair]) -> Table:
    table = _table("smaller", right=("its users", "users of larger", "users of both", "share of smaller", "Jaccard"))
    for title in ("larger", "candidate"):
        table.add_column(title, overflow="fold")
    for pair in pairs:
        about = "" if pair.exact else "about "
        table.add_row(
            Text(pair.smaller),
            f"{pair.users_smaller:,}",
            f"{pair.users_larger:,}",
            f"{about}{pair.users_both:,}",
            f"{pair.share:.1%}",
            f"{pair.jaccard:.3f}",
            Text(pair.larger),
            pair.candidate or "",
        )
    return table


def _table(first: str, *, right: Sequence[str] = (), left: Sequence[str] = ()) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(first, overflow="fold")
    for title in right:
        table.add_column(title, justify="right")
    for title in left:
        table.add_column(title, overflow="fold")
    return table


def _difference(users: int, before: int | None) -> str:
    if before is None:
        return "-"
    difference = users - before
    return f"{difference:+,} ({difference / before:+.0%})" if before else f"{difference:+,}"


def _instant(text: str | None) -> str:
    return "-" if text is None else show_instant(instant_ms(text))
