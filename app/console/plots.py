"""Plots as SVG: lines, points with intervals, bars. Without scripts; colours come from the style of the page.

A plot is 360 units wide, so that its texts can be read on a phone, where it is shown in about that size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Final

from app.events.visible_text import visible_line

WIDTH: Final = 360
HEIGHT: Final = 240
LEFT, RIGHT, TOP, BOTTOM = 44, 18, 8, 38
LABEL_MAX: Final = 48
ROW_HEIGHT: Final = 36
CHARACTER_WIDTH: Final = 7.5
STYLE: Final = (
    "svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}"
    "svg text{fill:var(--soft)}svg .name{fill:var(--ink)}.grid{stroke:var(--line);stroke-width:1}"
    ".axis{stroke:var(--soft);stroke-width:1}.edge{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 3}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.s1{stroke:var(--first)}.s2{stroke:var(--second)}"
    ".s3{stroke:var(--soft);stroke-dasharray:4 3;stroke-width:1.5}.f1{fill:var(--first)}.f2{fill:var(--second)}"
    ".bound{stroke:var(--first);stroke-width:1.5}.test{fill:var(--shade)}"
)
"""It asks the page for the colours --ink, --soft, --line, --shade, --first and --second."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """The span of an axis, its title, and how its numbers are shown. ticks: where; None: at round numbers."""

    low: float
    high: float
    title: str
    shown: Callable[[float], str]
    ticks: tuple[float, ...] | None = None

    def places(self) -> tuple[float, ...]:
        """Places at which the axis has a number."""
        return round_numbers(self.low, self.high) if self.ticks is None else self.ticks


def percent(value: float) -> str:
    """A share for an axis.

    >>> percent(0.25), percent(0.005), percent(0)
    ('25 %', '0.5 %', '0 %')
    """
    return f"{float(f'{100 * value:.3g}'):g} %"


def round_numbers(low: float, high: float) -> tuple[float, ...]:
    """Three to six round numbers within bounds.

    >>> round_numbers(0, 1), round_numbers(0, 0.07)
    ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.0, 0.02, 0.04, 0.06))
    """
    if high <= low:
        return (low,)
    magnitude = 10.0 ** floor(log10((high - low) / 3))
    step = next(step * magnitude for step in (10, 5, 2, 1) if (high - low) / (step * magnitude) >= 2.5)
    first = -floor(-low / step + 1e-9)
    count = floor((high + step * 1e-9) / step) - first
    return tuple(float(f"{(first + number) * step:.10g}") for number in range(count + 1))


def text_of(text: str, length_max: int = LABEL_MAX) -> str:
    """A text from outside, as one short line of a page."""
    told = visible_line(text)
    return escape(told if len(told) <= length_max else told[: length_max - 1] + "…")


class Plot:
    """A plot with two axes. What is drawn first lies below."""

    def __init__(self, title: str, x: Axis, y: Axis) -> None:
        self.title = title
        self.x, self.y = x, y
        self._parts: list[str] = []

    def line(self, points: Iterable[Point], style: str) -> None:
        """Points with lines between them. style: s1, s2 or s3."""
        drawn = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in points)
        self._parts.append(f'<polyline class="line {style}" points="{drawn}"/>')

    def interval(self, x: float, low: float, high: float) -> None:
        """An upright line from one value to another."""
        place = f"{self._across(x):.1f}"
        self._parts.append(
            f'<line class="bound" x1="{place}" x2="{place}" y1="{self._up(low):.1f}" y2="{self._up(high):.1f}"/>'
        )

    def dot(self, x: float, y: float, style: str) -> None:
        """A point. style: f1 or f2."""
        self._parts.append(f'<circle class="{style}" cx="{self._across(x):.1f}" cy="{self._up(y):.1f}" r="3"/>')

    def column(self, begin: float, end: float, value: float, style: str) -> None:
        """An upright bar from 0 to a value, between two places. style: f1 or f2."""
        left, right, top = self._across(begin), self._across(end), self._up(value)
        self._parts.append(
            f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 0.5, 0.5):.1f}" '
            f'height="{self._up(0) - top:.1f}"/>'
        )

    def shade(self, begin: float, end: float) -> None:
        """A shaded part of the plot, over its whole height."""
        left, right = self._across(begin), self._across(end)
        self._parts.append(
            f'<rect class="test" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'
        )

    def svg(self) -> str:
        """The picture."""
        below = HEIGHT - BOTTOM
        grid, numbers = [], []
        for value in self.y.places():
            up = f"{self._up(value):.1f}"
            grid.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up}" y2="{up}"/>')
            numbers.append(
                f'<text x="{LEFT - 5}" y="{up}" dy="4" text-anchor="end">{escape(self.y.shown(value))}</text>'
            )
        for value in self.x.places():
            across = self._across(value)
            told = self.x.shown(value)
            half = len(told) * CHARACTER_WIDTH / 2
            middle = min(max(across, half), WIDTH - half)
            grid.append(f'<line class="axis" x1="{across:.1f}" x2="{across:.1f}" y1="{below}" y2="{below + 4}"/>')
            numbers.append(f'<text x="{middle:.1f}" y="{below + 16}" text-anchor="middle">{escape(told)}</text>')
        axis = f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{below}" y2="{below}"/>'
        middle = (LEFT + WIDTH - RIGHT) / 2
        title = f'<text x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">{escape(self.x.title)}</text>'
        return svg(self.title, HEIGHT, [*grid, *self._parts, axis, *numbers, title])

    def _across(self, x: float) -> float:
        return LEFT + _part(self.x, x) * (WIDTH - LEFT - RIGHT)

    def _up(self, y: float) -> float:
        return HEIGHT - BOTTOM - _part(self.y, y) * (HEIGHT - TOP - BOTTOM)


def _part(axis: Axis, value: float) -> float:
    """Place of a value on an axis, from 0 to 1; what is outside lies at its end."""
    return min(1.0, max(0.0, (value - axis.low) / (axis.high - axis.low))) if axis.high > axis.low else 0.5


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar for each row (label, value, the value as it is shown), the label above it. Values below 0 have no bar."""
    top = max((value for _, value, _ in rows), default=0.0)
    parts = []
    for number, (label, value, told) in enumerate(rows):
        y = number * ROW_HEIGHT
        length = (WIDTH - 2) * max(value, 0.0) / top if top > 0 else 0.0
        parts.append(f'<text class="name" x="0" y="{y + 14}">{text_of(label, 40)}</text>')
        parts.append(f'<text x="{WIDTH - 2}" y="{y + 14}" text-anchor="end">{escape(told)}</text>')
        parts.append(f'<rect class="f1" x="0" y="{y + 19}" width="{length:.1f}" height="9"/>')
    return svg(title, max(1, len(rows)) * ROW_HEIGHT, parts)


def svg(title: str, height: int, parts: Iterable[str]) -> str:
    """A picture of these parts; the title is for who cannot see it."""
    told = escape(visible_line(title))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{told}">'
    return "\n".join([head, *parts, "</svg>"])
