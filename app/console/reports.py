"""Reports as tables in the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as TextTable
from rich.text import Text

from app.console.output import say
from app.reports.notes import Note
from app.reports.report import Report
from app.reports.report_files import shown


def show_reports(console: Console, title: str, reports: Sequence[Report], notes: Sequence[Note]) -> None:
    """All tables, each with its notes."""
    say(console, title)
    for note in notes:
        say(console, str(note), "yellow")
    for report in reports:
        for table in report.tables:
            say(console)
            say(console, f"{report.kind}: {table.title}", "bold")
            for note in table.notes:
                say(console, str(note), "dim")
            text = TextTable(box=None, header_style="bold", pad_edge=False)
            for column in table.columns:
                is_text = column.kind == "text"
                text.add_column(column.name, justify="left" if is_text else "right", overflow="fold")
            for row in table.rows:
                text.add_row(*(Text(shown(each, to.kind)) for each, to in zip(row, table.columns, strict=True)))
            console.print(text)
