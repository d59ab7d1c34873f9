"""The result of an experiment, for people."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.options import show_instant
from app.console.output import counted, say
from app.events.message import instant_ms
from app.offline.uplift import Comparison, Uplift

_STYLES: Final = {"better": "bold green", "worse": "bold red", "wrong ratio": "bold red"}


def show_uplift(console: Console, found: Uplift) -> None:
    """The groups, then each against the control."""
    say(console, f"as of {show_instant(instant_ms(found.at))}, {found.metric}, against {found.control}")
    groups = _table("group", "users", "window not over", "converted", "mean")
    for group in found.groups:
        mean = _number(group.mean, found)
        groups.add_row(Text(group.group), f"{group.users:,}", f"{group.pending:,}", f"{group.converted:,}", mean)
    console.print(groups)
    if found.crossed:
        say(console, f"left out: {counted(found.crossed, 'user')} in several groups")
    if found.ratio_p is None:
        say(console, "the sizes of the groups were not checked: give --share")
    else:
        say(console, f"probability of these sizes of the groups: {found.ratio_p:.4g}")
    console.print(_comparisons(found))
    if any(each.verdict == "wrong ratio" for each in found.comparisons):
        say(console, "no verdict: the groups do not have the sizes that they should have", "bold red")


def _comparisons(found: Uplift) -> Table:
    table = _table("group", "difference", "interval", "lift", "p")
    table.add_column("verdict")
    for each in found.comparisons:
        table.add_row(
            Text(each.group),
            _number(each.difference, found, is_signed=True),
            _interval(each, found),
            "-" if each.lift is None else f"{each.lift:+.1%}",
            f"{each.p:.3g}",
            Text(each.verdict, style=_STYLES.get(each.verdict, "")),
        )
    return table


def _interval(each: Comparison, found: Uplift) -> str:
    if each.low is None or each.high is None:
        return "-"
    return " to ".join(_number(value, found, is_signed=True) for value in (each.low, each.high))


def _number(value: float, found: Uplift, *, is_signed: bool = False) -> str:
    if found.metric == "conversion":
        return f"{value:+.2%}" if is_signed else f"{value:.2%}"
    return f"{value:+,.2f}" if is_signed else f"{value:,.2f}"


def _table(first: str, *right: str) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(first, overflow="fold")
    for title in right:
        table.add_column(title, justify="right")
    return table
