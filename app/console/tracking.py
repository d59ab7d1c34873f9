"""Findings of an audit of events against their tracking plan, as a table for people."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say
from app.events.visible_text import visible_line
from app.offline.tracking.audit import Finding

SHOWN_MAX: Final = 100


def show_findings(console: Console, findings: Sequence[Finding], *, messages: int, unreadable: int) -> None:
    """Shows what is wrong, the most frequent first; a line says so if nothing is."""
    said = f"{counted(messages, 'message')} read"
    say(console, f"{said}; {counted(unreadable, 'line')} that hold none" if unreadable else said)
    if not findings:
        say(console, "all as in the plan")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("event", "property", "problem"):
        table.add_column(name, overflow="fold")
    table.add_column("events", justify="right")
    table.add_column("share", justify="right")
    for name in ("example", "first at"):
        table.add_column(name, overflow="fold")
    for each in findings[:SHOWN_MAX]:
        texts = [Text(visible_line(text)) for text in (each.event, each.property, each.problem, each.example)]
        share = f"{100 * each.events / each.of:.1f} %" if each.of else ""
        table.add_row(*texts[:3], f"{each.events:,}", share, texts[3], each.first)
    console.print(table)
    if len(findings) > SHOWN_MAX:
        say(console, f"{counted(len(findings) - SHOWN_MAX, 'finding')} more: --json shows all")
