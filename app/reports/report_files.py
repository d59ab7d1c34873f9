"""Reports as files: CSV, Markdown, and one page of HTML with charts that needs nothing else."""

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from app.events.instants import iso
from app.events.visible_text import visible_line
from app.offline.spreadsheets import cell_of
from app.reports.charts import chart_of
from app.reports.notes import Note
from app.reports.report import Kind, Report, Table, plain
from app.segments.language.durations import UNITS_MS, format_duration

MARKS: Final = {ord(mark): f"&#{ord(mark)};" for mark in "\\`*_{}[]<>()#+!|~&$"}
_STYLE: Final = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#1b1f24}"
    "table{border-collapse:collapse;margin:.5em 0 1em}td,th{padding:.2em .7em;border-bottom:1px solid #d8dee4}"
    "th{text-align:left}.n{text-align:right;font-variant-numeric:tabular-nums}.note{color:#57606a}svg{max-width:100%}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def shown(value: Any, kind: Kind) -> str:
    """A value for people.

    >>> shown(0.12345, "share"), shown(1234, "count"), shown(90_061_000, "span"), shown(None, "text")
    ('12.3 %', '1,234', '1d1h', '-')
    """
    if value is None:
        return "-"
    match kind:
        case "share":
            return f"{100 * value:.1f} %"
        case "count":
            return f"{value:,}"
        case "number":
            return f"{value:,.2f}"
        case "span":
            return _span(value)
        case "instant":
            return iso(value)[:19].replace("T", " ")
        case _:
            return visible_line(str(value))


def _span(ms: int) -> str:
    """A duration by its two largest units."""
    units = list(UNITS_MS.values())
    largest = next((place for place, unit_ms in enumerate(units) if ms >= unit_ms), len(units) - 1)
    return format_duration(ms - ms % units[min(largest + 1, len(units) - 1)])


def csv_text(table: Table) -> str:
    """One table as CSV. A text that a spreadsheet would compute begins with an apostrophe."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    for row in table.rows:
        writer.writerow(_cell(value, column.kind) for value, column in zip(row, table.columns, strict=True))
    return written.getvalue()


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return cell_of(value)
    return plain(value, kind)


def markdown_text(title: str, reports: Sequence[Report], notes: Sequence[Note]) -> str:
    """All tables as Markdown."""
    lines = [f"# {_marked(title)}", *(f"- {_marked(str(note))}" for note in notes)]
    for report in reports:
        for table in report.tables:
            lines += ["", f"## {_marked(f'{report.kind}: {table.title}')}"]
            lines += [f"- {_marked(str(note))}" for note in table.notes]
            lines += ["", _line(_marked(column.name) for column in table.columns)]
            lines.append(_line("---" if column.kind == "text" else "---:" for column in table.columns))
            lines += [
                _line(_marked(shown(value, column.kind)) for value, column in zip(row, table.columns, strict=True))
                for row in table.rows
            ]
    return "\n".join(lines) + "\n"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(text: str) -> str:
    """Text that Markdown shows as it is."""
    return visible_line(text).translate(MARKS)


def html_text(title: str, reports: Sequence[Report], notes: Sequence[Note]) -> str:
    """All tables and their charts as one page, without scripts and without anything that it would load."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{_escaped(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_escaped(title)}</h1>",
        *_notes(notes),
    ]
    for report in reports:
        for table in report.tables:
            parts.append(f"<section><h2>{_escaped(f'{report.kind}: {table.title}')}</h2>")
            parts += _notes(table.notes)
            parts += [chart_of(table), _html_table(table), "</section>"]
    return "\n".join([*filter(None, parts), "</body></html>"]) + "\n"


def _notes(notes: Sequence[Note]) -> list[str]:
    return [f'<p class="note">{_escaped(str(note))}</p>' for note in notes]


def _html_table(table: Table) -> str:
    marks = ["" if column.kind == "text" else ' class="n"' for column in table.columns]
    head = "".join(f"<th{mark}>{_escaped(each.name)}</th>" for mark, each in zip(marks, table.columns, strict=True))
    rows = [
        "".join(
            f"<td{mark}>{_escaped(shown(value, column.kind))}</td>"
            for mark, value, column in zip(marks, row, table.columns, strict=True)
        )
        for row in table.rows
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _escaped(text: str) -> str:
    return escape(visible_line(text))
