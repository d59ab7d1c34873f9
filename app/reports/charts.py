"""Charts of tables as SVG, without scripts."""

from collections.abc import Sequence
from html import escape
from typing import Final

from app.events.visible_text import visible_line
from app.reports.report import Table

BARS_MAX: Final = 20
LINES_MAX: Final = 8
WIDTH, LABEL_WIDTH, BAR_HEIGHT = 720, 260, 22
LINE_HEIGHT: Final = 240
COLOURS: Final = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#cf222e", "#57606a")
LABEL_MAX: Final = 40


def chart_of(table: Table) -> str:
    """The chart of a table; an empty text if it has none, or no rows."""
    if table.chart is None or not table.rows:
        return ""
    return _bars(table) if table.chart.form == "bars" else _lines(table)


def _bars(table: Table) -> str:
    assert table.chart is not None
    labels, values = table.place(table.chart.label), table.place(table.chart.value)
    across = table.place(table.chart.across) if table.chart.across else None
    rows = [row for row in table.rows if row[values] is not None][:BARS_MAX]
    top = max((row[values] for row in rows), default=0)
    parts = []
    for place, row in enumerate(rows):
        y = place * BAR_HEIGHT
        label = str(row[labels]) if across is None else f"{row[labels]} → {row[across]}"
        length = (WIDTH - LABEL_WIDTH) * row[values] / top if top > 0 else 0
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end" font-size="13">{_cut(label)}</text>')
        parts.append(
            f'<rect x="{LABEL_WIDTH}" y="{y + 3}" width="{length:.1f}" height="{BAR_HEIGHT - 6}" fill="{COLOURS[0]}"/>'
        )
    return _svg(parts, len(rows) * BAR_HEIGHT, f"{table.chart.value}: {table.title}")


def _lines(table: Table) -> str:
    """One line for each label, over the instants of `across`."""
    assert table.chart is not None
    label, value, across = (table.place(name) for name in (table.chart.label, table.chart.value, table.chart.across))
    names = list(dict.fromkeys(row[label] for row in table.rows))[:LINES_MAX]
    numbers = [row[across] for row in table.rows]
    first, last = min(numbers), max(numbers)
    top = max((row[value] for row in table.rows if row[value] is not None and row[label] in names), default=0)
    parts = []
    for place, name in enumerate(names):
        points = [
            _point(row[across], row[value], (first, last), top)
            for row in table.rows
            if row[label] == name and row[value] is not None
        ]
        colour = COLOURS[place]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = LINE_HEIGHT + 18 * (place + 1)
        parts.append(f'<text x="4" y="{y}" font-size="13" fill="{colour}">{_cut(str(name))}</text>')
    return _svg(parts, LINE_HEIGHT + 18 * len(names) + 8, f"{table.chart.value}: {table.title}")


def _point(at: float, value: float, bounds: Sequence[float], top: float) -> str:
    x = (at - bounds[0]) / (bounds[1] - bounds[0]) * WIDTH if bounds[1] > bounds[0] else 0
    y = LINE_HEIGHT * (1 - value / top) if top else LINE_HEIGHT
    return f"{x:.1f},{y:.1f}"


def _svg(parts: Sequence[str], height: int, title: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">'
    return "\n".join([head, f"<title>{_cut(title)}</title>", *parts, "</svg>"])


def _cut(text: str) -> str:
    told = visible_line(text)
    return escape(told if len(told) <= LABEL_MAX else told[: LABEL_MAX - 1] + "…")
