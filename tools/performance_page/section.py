"""Texts in double braces of a section: tables, charts and single figures of its benchmark.

| written | becomes |
|---|---|
| `{{table}}` | all its figures |
| `{{chart TITLE: COLUMN, ...}}` | a bar for each row that has the figure, or for each such column of each row |
| `{{chart TITLE: ROW / COLUMN, ...}}` | a bar for each column of that row |
| `{{figure ROW / COLUMN}}` | one figure |
| `{{ratio ROW / COLUMN to ROW / COLUMN}}` | one divided by the other |
| `{{calibration}}` | microseconds |
"""

import re
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.figures import Figure, Figures, show, title
from tools.performance_page.bar_chart import BarChart

BETWEEN: Final = " / "
_BRACES: Final = re.compile(r"\{\{(\w+) ?(.*?)\}\}")


class MissingFigureError(Exception):
    """A text asks for what is not in the figures: one of them is of another version of the benchmark."""


@dataclass(slots=True)
class Section:
    """The text about one benchmark. `charts` are those that it shows, by the name of their file."""

    text: str
    figures: Figures
    charts: dict[str, BarChart] = field(default_factory=dict)

    def write(self) -> str:
        """The section as it stands on the page. Raises MissingFigureError."""
        return _BRACES.sub(self._filled, self.text)

    def _filled(self, found: re.Match[str]) -> str:
        match found[1]:
            case "table":
                return self._table()
            case "chart":
                return self._chart(found[2])
            case "figure":
                return show(self._figure(found[2]))
            case "ratio":
                above, below = (self._number(place) for place in found[2].split(" to "))
                return f"{above / below:.2f}"
            case "calibration":
                return f"{self.figures.calibration_us:.2f}"
        raise MissingFigureError(f"{self.figures.benchmark}: nobody knows what {found[0]} is")

    def _table(self) -> str:
        columns = list(self.figures.rows[0])
        lines = ["| " + " | ".join(map(title, columns)) + " |", "|---" * len(columns) + "|"]
        for row in self.figures.rows:
            cells = [show(row.get(column, "")) for column in columns]
            lines += ["| " + " | ".join(cells) + " |"]
        return "\n".join(lines)

    def _chart(self, said: str) -> str:
        head, _, shown = said.partition(": ")
        of_row, _, columns = shown.rpartition(BETWEEN)
        wanted = columns.split(", ")
        rows = [of_row] if of_row else list(self.figures.by_name())
        bars = []
        for row in rows:
            for column in wanted:
                parts = ([] if of_row else [row]) + ([title(column)] if len(wanted) > 1 else [])
                if self._figure(f"{row}{BETWEEN}{column}") != "":
                    bars.append((", ".join(parts), self._number(f"{row}{BETWEEN}{column}")))
        number = len(self.charts) + 1
        file = f"{self.figures.benchmark}{f'-{number}' if number > 1 else ''}.svg"
        self.charts[file] = BarChart(head, bars)
        return f"![{self.charts[file].words}](charts/{file})"

    def _number(self, place: str) -> float:
        found = self._figure(place)
        if isinstance(found, str):
            raise MissingFigureError(f"{self.figures.benchmark}: {place} is not a number: {found}")
        return float(found)

    def _figure(self, place: str) -> Figure:
        row, _, column = place.rpartition(BETWEEN)
        try:
            return self.figures.by_name()[row][column]
        except KeyError:
            raise MissingFigureError(f"{self.figures.benchmark} has no {place}") from None
