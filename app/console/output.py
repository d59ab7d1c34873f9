"""Consoles for the output of commands, and how values look there."""

import os
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from app.console.safe_console import SafeConsole
from app.events.visible_text import visible_line
from app.segments.definitions.problem import Problem
from app.segments.language.durations import UNITS_MS, format_duration

_WIDTH_ELSEWHERE: Final = 160
"""Columns where nobody's terminal bounds them (a file, a pipe, a log), unless COLUMNS says otherwise."""


def make_console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error; wide where it is no terminal, so that names are not cut."""
    console = SafeConsole(stderr=stderr, highlight=False, emoji=False)
    if console.is_terminal or os.environ.get("COLUMNS"):
        return console
    return SafeConsole(stderr=stderr, highlight=False, emoji=False, width=_WIDTH_ELSEWHERE)


def say(console: Console, text: str | Text = "", style: str = "") -> None:
    """One line as it is: no markup, no wrapping. Several lines are a Text."""
    console.print(Text(visible_line(text), style=style) if isinstance(text, str) else text, soft_wrap=True)


def say_lines(console: Console, text: str, style: str = "") -> None:
    """Several lines as they are: no markup, no wrapping."""
    say(console, Text(text, style=style))


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "test"), counted(1_200, "test"), counted(2, "entry", "entries")
    ('1 test', '1,200 tests', '2 entries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """A place in a row.

    >>> ordinal(1), ordinal(12), ordinal(22), ordinal(103)
    ('1st', '12th', '22nd', '103rd')
    """
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def show_exact(at_ms: int) -> str:
    """An instant for people, UTC, with milliseconds only where there are some.

    >>> show_exact(1_795_429_800_017), show_exact(1_795_429_800_000)
    ('2026-11-23 10:30:00.017', '2026-11-23 10:30:00')
    """
    shown = f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{shown}.{at_ms % 1000:03d}" if at_ms % 1000 else shown


def show_span(ms: int) -> str:
    """Formats a duration roughly, by its two largest units.

    >>> show_span(446_414_729), show_span(816_043), show_span(1_500), show_span(86_400_001)
    ('5d4h', '13m36s', '1s500ms', '1d')
    """
    units = list(UNITS_MS.values())
    largest = next((place for place, unit_ms in enumerate(units) if ms >= unit_ms), len(units) - 1)
    unit_ms = units[min(largest + 1, len(units) - 1)]
    return format_duration(ms - ms % unit_ms)


def show_bytes(count: int) -> str:
    """A size for people.

    >>> show_bytes(96), show_bytes(9_331), show_bytes(52_000)
    ('96 B', '9.1 KB', '51 KB')
    """
    if count < 1_000:
        return f"{count} B"
    kilobytes = count / 1024
    return f"{kilobytes:.1f} KB" if kilobytes < 10 else f"{kilobytes:,.0f} KB"


def problem_text(problem: Problem) -> Text:
    """A problem with its place in bold and what to look at in red."""
    place, *rest = str(problem).split("\n")
    where = f"{problem.path}:{problem.line}:{problem.column}:"
    text = Text.assemble((where, "bold"), (place.removeprefix(where), "bold red"))
    for line in rest:
        marks = line.replace("|", "").strip()
        text.append("\n" + line, style="red" if marks and not marks.strip("^") else "")
    return text
