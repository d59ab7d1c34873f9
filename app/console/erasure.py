"""The state of an erasure for people: which records remain where, and until when at the latest."""

from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import counted, say, show_exact
from app.events.visible_text import visible_line
from app.offline.erasure_terms import ErasureStatus

DAY_MS: Final = 86_400_000


def show_erasure_status(console: Console, status: ErasureStatus) -> None:
    """Prints all of it. Names come from outside: each stays on one line, without control characters."""
    say(console, f"{visible_line(status.user)}: erasure of {show_exact(status.at_ms)} (UTC)", "bold")
    say(console, f"{counted(len(status.keys), 'key')}:")
    for key in status.keys:
        say(console, f"  {visible_line(key)}: {_state(status, key)}")
    if not status.remains:
        say(console, "no topic has a record of them any more")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("topic", "records", "newest (UTC)", "gone by (UTC)", "because of"):
        table.add_column(title, overflow="fold", justify="right" if title == "records" else "left")
    for each in status.remains:
        newest = show_exact(each.newest_ms - each.newest_ms % 1000) if each.newest_ms >= 0 else "-"
        row = (each.topic, f"{each.records:,}", newest, show_day(each.term.until_ms), each.term.why)
        table.add_row(*map(Text, row))
    console.print(table)
    if status.until_ms is None:
        hint = "see: SHOAL_PRIVACY=strict shoal topics check"
        say(console, f"no date is known at which all of it is gone; {hint}", "yellow")
    else:
        say(console, f"all of it is gone by {show_day(status.until_ms)}, if no record of these keys is added")
    say(console, "not known here: files of shoal snapshot and shoal warehouse, and what other services keep")


def show_day(until_ms: int | None) -> str:
    """The day on which all is gone: the one after, since Kafka looks only now and then.

    >>> show_day(1_795_429_800_017), show_day(None)
    ('2026-11-24', 'unknown')
    """
    return "unknown" if until_ms is None else f"{datetime.fromtimestamp(until_ms / 1000 + DAY_MS / 1000, UTC):%Y-%m-%d}"


def _state(status: ErasureStatus, key: str) -> str:
    if key in status.waiting:
        return "the workers have not come to it yet"
    if key in status.suppressed:
        return f"erased; later events are dropped until shoal users unsuppress {visible_line(key)}"
    if key in status.elsewhere:
        return "moved to a user; see shoal users show"
    if key in status.back:
        return "erased; has had events since then, which count below"
    return "erased"
