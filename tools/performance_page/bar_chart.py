"""Bars as an SVG file: the same bytes for the same figures, for light and dark pages, described in words."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import leather

from tests.benchmarks.figures import show

WIDTH: Final = 760
BAR_HEIGHT: Final = 30
#: The space that leather adds around the bars: twice its margin, with the title, and the numbers below.
AROUND_HEIGHT: Final = 92
TITLE_PLACE: Final = {"x": "8", "y": "20", "font-size": "16"}
TICKS_MAX: Final = 5
_SVG: Final = "http://www.w3.org/2000/svg"
_STYLE: Final = "svg { color: #1f2328 } @media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }"
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}|0E-\d+")

_FONT: Final = "system-ui, sans-serif"
_INK: Final = "currentColor"
_THEME: Final = {
    "background_color": "none",
    "margin": 0.045,
    "label_color": _INK,
    "tick_font_family": _FONT,
    "tick_font_char_width": 7,
    "tick_color": "#8b949e",
    "zero_color": "#8b949e",
    "default_series_colors": ["#3b82c4"],
}


@dataclass(frozen=True, slots=True)
class BarChart:
    """`bars` are names and figures, from top to bottom; no figure is below zero."""

    title: str
    bars: Sequence[tuple[str, float]]

    @property
    def words(self) -> str:
        """All that it shows, as a sentence."""
        return f"{self.title}: {'; '.join(f'{name}: {show(value)}' for name, value in self.bars)}."

    def svg(self) -> str:
        """The file."""
        for name, value in _THEME.items():
            setattr(leather.theme, name, value)
        chart = leather.Chart()
        chart.add_bars([(value, f"{name}: {show(value)}") for name, value in self.bars])
        chart.add_x_axis(ticks=_ticks(max(value for _, value in self.bars)), tick_formatter=_tick)
        height = AROUND_HEIGHT + BAR_HEIGHT * len(self.bars)
        return _accessible(chart.to_svg(width=WIDTH, height=height), self.title, self.words, height)


def _ticks(top: float) -> list[float]:
    """Round numbers from zero to at least `top`.

    >>> _ticks(17.1), _ticks(0.9), _ticks(0)
    ([0.0, 5.0, 10.0, 15.0, 20.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 1.0])
    """
    if top <= 0:
        return [0.0, 1.0]
    steps = (float(f"{digit}e{power}") for power in range(-9, 12) for digit in (1, 2, 5))
    step = next(step for step in steps if top / step <= TICKS_MAX)
    count = int(-(-top // step))
    return [round(step * number, 9) for number in range(count + 1)]


def _tick(value: float, number: int, count: int) -> str:
    return f"{value:,.10g}"


def _accessible(drawn: str, title: str, words: str, height: int) -> str:
    """With a name and a description, colours of the page, and no more digits than pixels need."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(_LONG_NUMBER.sub(lambda found: f"{round(float(found[0]), 2):g}", drawn))
    root.attrib |= {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-labelledby": "title words"}
    added = [
        ET.Element("title", id="title"),
        ET.Element("desc", id="words"),
        ET.Element("style"),
        ET.Element("text", {"fill": _INK, "font-family": _FONT} | TITLE_PLACE),
    ]
    for element, text in zip(added, (title, words, _STYLE, title), strict=True):
        element.text = text
    root[:0] = added
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"
