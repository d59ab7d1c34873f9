"""Audits for people: what was drawn, and how much of it was right."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.console.output import counted, say
from app.offline.audits.audit_file import Marked
from app.offline.audits.sampling import Sample
from app.offline.intervals import wilson


def show_drawn(console: Console, sample: Sample, output: Path) -> None:
    """Says how many were drawn out of how many, and what to do next."""
    drawn = {kind: sum(case.drawn == kind for case in sample.cases) for kind in ("member", "near")}
    say(
        console,
        f"{drawn['member']:,} of {counted(sample.members, 'member')}, and of {counted(sample.near, 'user')} whom one "
        f"part of the condition keeps out the nearest {drawn['near']:,}: in {output}",
    )
    say(console, f"write yes or no into the column right, then: shoal audit result {output}")


def show_result(console: Console, marked: Sequence[Marked]) -> None:
    """Shows the share of wrong cases among members and near-members, with intervals, and the remarks of wrong ones."""
    table = Table(box=None, pad_edge=False)
    table.add_column("drawn")
    for name in ("judged", "wrong", "share", "95 %", "out of"):
        table.add_column(name, justify="right")
    for kind, name in (("member", "members"), ("near", "near-members")):
        judged = [each for each in marked if each.drawn == kind and each.is_right is not None]
        wrong = sum(each.is_right is False for each in judged)
        low, high = wilson(wrong, len(judged))
        share = f"{100 * wrong / len(judged):.1f} %" if judged else "-"
        of = next((each.of for each in marked if each.drawn == kind), 0)
        table.add_row(
            name, f"{len(judged):,}", f"{wrong:,}", share, f"{100 * low:.1f} to {100 * high:.1f} %", f"{of:,}"
        )
    console.print(table)
    if unjudged := sum(each.is_right is None for each in marked):
        say(console, f"not judged: {counted(unjudged, 'case')}", "yellow")
    say(console, "near-members are the nearest ones, so their share says nothing of all who are not in", "dim")
    for number, each in enumerate(marked, 1):
        if each.is_right is False:
            remark = f": {each.remark}" if each.remark else ""
            say(console, f"wrong: case {number}, {each.user} ({each.drawn}){remark}")
