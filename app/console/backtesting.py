"""Terminal output of backtests."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.options import show_instant
from app.console.output import counted, say
from app.console.tables import summary_table
from app.offline.backtest import Summary
from app.offline.backtest_difference import SegmentDifference
from app.offline.name_census import Missing
from app.offline.value_census import Unusable

_MISSING_SHOWN_MAX: Final = 20
_LATE_MANY: Final = 0.01
"""A share of late events beyond which the files are probably not in order."""


def show_summary(console: Console, summary: Summary, seconds: float) -> None:
    """The table of segments, what was read, what was left out, and how fast it went."""
    console.print(summary_table(summary))
    show_reading(console, summary)
    rate = summary.events / seconds if seconds else 0
    size = summary.state_bytes / summary.users if summary.users else 0
    say(console, f"{seconds:.1f} s, {rate:,.0f} events/s; {size:,.0f} bytes of state a user", "dim")


def show_reading(console: Console, summary: Summary) -> None:
    """Shows how many records were read and how many were left out."""
    told = f"{counted(summary.events, 'message')}, {counted(summary.accepted, 'event')} of "
    say(console, f"{told}{counted(summary.users, 'user')} until {show_instant(summary.end_ms)} UTC")
    if summary.links:
        say(console, f"logins: {logins_text(summary.links)}")
    if summary.cleaned:
        told = ", ".join(f"{rule} {count:,}" for rule, count in sorted(summary.cleaned.items()))
        say(console, f"cleaned values (cleaning.yaml): {told}")
    notes = [
        f"{counted(summary.duplicates, 'duplicate')}" if summary.duplicates else "",
        f"{summary.late:,} late" if summary.late else "",
        f"{summary.waiting:,} whose turn would come later (order)" if summary.waiting else "",
        *(f"{count:,} unusable ({reason})" for reason, count in summary.dead.most_common()),
    ]
    if any(notes):
        say(console, "left out: " + ", ".join(filter(None, notes)), "yellow")
    if summary.first_dead:
        say(console, f"  the first unusable one: {summary.first_dead}", "yellow")
    if summary.late > _LATE_MANY * summary.events:
        say(console, "  events more than a day behind are late: are the files in order of time?", "yellow")


def logins_text(links: Mapping[str, int]) -> str:
    """The results of logins, in words.

    >>> logins_text({"given": 2, "empty": 1, "refused:shared": 3})
    '2 guests became a part of a user, 1 id without a past, 3 refused (shared)'
    """
    refused = {result.partition(":")[2]: count for result, count in links.items() if result.startswith("refused:")}
    reasons = ", ".join(f"{reason} {count:,}" if len(refused) > 1 else reason for reason, count in refused.items())
    told = [
        (links.get("given", 0), "guest became a part of a user", "guests became a part of a user"),
        (links.get("empty", 0), "id without a past", "ids without a past"),
        (links.get("lost", 0), "went to another user", "went to another user"),
        (links.get("released", 0), "logout", "logouts"),
        (links.get("split", 0), "taken back by an administrator", "taken back by an administrator"),
        (links.get("ended", 0), "id its own again", "ids their own again"),
        (sum(refused.values()), f"refused ({reasons})", f"refused ({reasons})"),
    ]
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in told if count)


def show_missing(console: Console, missing: Sequence[Missing]) -> None:
    """Names that definitions ask for and the files never have."""
    _warn_of(console, missing, more="{} other names that never occur")


def show_unusable(console: Console, unusable: Sequence[Unusable]) -> None:
    """Values that definitions ask for and could not use."""
    _warn_of(console, unusable, more="values of {} other kinds that could not be used")


def _warn_of(console: Console, found: Sequence[Missing | Unusable], *, more: str) -> None:
    """The first of them, each with the definitions that ask for it; `more`: how the number of the others is told."""
    for each in found[:_MISSING_SHOWN_MAX]:
        first, *others = each.definitions
        by = f" and {len(others)} more" if others else ""
        say(console, f"warning: {first}{by}: {each.text}", "yellow")
    if (left := len(found) - _MISSING_SHOWN_MAX) > 0:
        say(console, "and " + more.format(f"{left:,}"), "yellow")


def show_difference(
    console: Console,
    found: Sequence[SegmentDifference],
    folders: tuple[Path, Path],
    files: Sequence[Path],
    *,
    examples_max: int,
    at: str | None,
) -> None:
    """Segments that differ, with examples of who would enter or leave, `at` an instant or at the end of the files."""
    differing = [each for each in found if each.differs or each.fate in ("new", "gone")]
    if differing:
        console.print(difference_table(differing))
    for each in differing:
        _show_examples(console, each, folders, examples_max)
    console.print()
    _show_rest(console, found, differing)
    if (example := next(_examples(differing, folders), None)) is not None:
        each, folder, user = example
        words = [
            "shoal",
            "explain",
            *map(str, files),
            "--segments",
            str(folder),
            "--segment",
            each.name,
            "--user",
            user,
        ]
        if at is not None:
            words += ["--at", at]
        say(console, f"why: {shlex.join(words)}", "dim")


def _show_rest(console: Console, found: Sequence[SegmentDifference], differing: Sequence[SegmentDifference]) -> None:
    edited = [each.name for each in found if each not in differing and each.fate in ("changed", "below")]
    same = sum(1 for each in found if each not in differing and each.fate == "same" and not each.otherwise)
    shifted = [each.name for each in found if each not in differing and each.otherwise]
    unnoticed = [name for name in edited if name not in shifted]
    if shifted:
        say(
            console,
            f"the same users and number of entries, but at other times or with other values: {', '.join(shifted)}",
        )
    if unnoticed:
        say(console, f"changed, but with the same changes over these events: {', '.join(unnoticed)}")
    if same:
        say(console, f"{counted(same, 'segment')} the same, with the same members and changes")
    if not differing:
        say(console, "no user would enter or leave a segment", "bold")
    enter, leave = sum(len(each.enter) for each in differing), sum(len(each.leave) for each in differing)
    if enter or leave:
        entries, exits = counted(enter, "entry", "entries"), counted(leave, "exit")
        say(console, Text(f"the second in place of the first at that instant: {entries}, {exits}", "bold"))


def difference_table(found: Sequence[SegmentDifference]) -> Table:
    """One line a segment; pairs are of the first and the second folder."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("segment", overflow="fold")
    table.add_column("", no_wrap=True)
    for title in ("members", "would enter", "would leave", "entries", "exits", "ever only 1st", "ever only 2nd"):
        table.add_column(title, justify="right")
    styles = {"new": "green", "gone": "red", "changed": "yellow", "below": "yellow", "same": "dim"}
    for each in found:
        table.add_row(
            Text(each.name),
            Text(f"changed: {each.below[0]}" if each.below else each.fate, styles[each.fate]),
            _pair(each.members),
            Text(f"{len(each.enter):,}", "green" if each.enter else ""),
            Text(f"{len(each.leave):,}", "red" if each.leave else ""),
            _pair(each.entries),
            _pair(each.exits),
            *(f"{count:,}" for count in each.ever_only),
        )
    return table


def _pair(numbers: tuple[int, int]) -> str:
    first, second = numbers
    return f"{first:,}" if first == second else f"{first:,} → {second:,}"


def _sides(
    each: SegmentDifference, folders: tuple[Path, Path]
) -> tuple[tuple[str, list[tuple[str, str]], Path], tuple[str, list[tuple[str, str]], Path]]:
    """Users who would enter, and users who would leave, the latest first, with the folder in which they are in."""

    def latest_first(users: dict[str, str]) -> list[tuple[str, str]]:
        return sorted(users.items(), key=lambda item: item[1], reverse=True)

    return ("enter", latest_first(each.enter), folders[1]), ("leave", latest_first(each.leave), folders[0])


def _examples(
    differing: Sequence[SegmentDifference], folders: tuple[Path, Path]
) -> Iterator[tuple[SegmentDifference, Path, str]]:
    """Users in the order in which they are named."""
    for each in differing:
        for _, users, folder in _sides(each, folders):
            yield from ((each, folder, user) for user, _ in users)


def _show_examples(console: Console, each: SegmentDifference, folders: tuple[Path, Path], count: int) -> None:
    for would, users, folder in _sides(each, folders):
        shown = users[:count]
        if not shown:
            continue
        console.print()
        total = counted(len(users), "user")
        say(console, f"{each.name}: {total} would {would}" + (", such as" if len(users) > len(shown) else ""), "bold")
        for user, since in shown:
            say(console, f"  {user}  in since {since[:19].replace('T', ' ')} under {folder}")
