"""Problem of a definition file: where it is, what is wrong, why, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN_COLUMNS = 160
"""Longer source lines are shown in part, around the place."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. `line` and `column` count from 1; `text` is the part of the file that is wrong."""

    path: str
    line: int
    column: int
    text: str
    message: str
    detail: str = ""
    hint: str = ""
    source_line: str = ""

    def __str__(self) -> str:
        """`path:line:column: message`, the line with the place underlined, then detail and hint."""
        lines = [f"{self.path}:{self.line}:{self.column}: {self.message}"]
        if self.source_line.strip():
            lines += self._excerpt()
        lines += [f"  {part}" for part in (self.detail, self.hint) if part]
        return "\n".join(lines)

    def _excerpt(self) -> list[str]:
        number, line, column = str(self.line), self.source_line, self.column - 1
        if len(line) > _SHOWN_COLUMNS:
            start = max(0, min(column - _SHOWN_COLUMNS // 2, len(line) - _SHOWN_COLUMNS))
            line, column = line[start : start + _SHOWN_COLUMNS], column - start
        length = len(self.text.split("\n", 1)[0].rstrip())
        carets = "^" * max(1, min(length, len(line) - column))
        padding = "".join("\t" if character == "\t" else " " for character in line[:column])
        return [f"  {number} | {line.rstrip()}", f"  {' ' * len(number)} | {padding}{carets}"]


class CatalogError(ValueError):
    """Definitions that cannot be used. `problems` holds all that was found, in order of files and lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        assert problems
        self.problems = sorted(problems)
        super().__init__("\n\n".join(map(str, self.problems)))
