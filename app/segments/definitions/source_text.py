"""The text of one definition file: lines, offsets, and problems at a range of characters."""

from bisect import bisect_right

from app.segments.definitions.problem import Problem


class SourceText:
    """Text and path of one file. Offsets count characters of `text` from 0; a byte order mark is cut off."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text.removeprefix("\ufeff")
        self._lines = self.text.replace("\r\n", " \n").replace("\r", "\n").split("\n")
        starts = [0]
        for line in self._lines:
            starts.append(starts[-1] + len(line) + 1)
        self._starts = starts[:-1]

    @property
    def longest_line(self) -> int:
        """Characters of the longest line."""
        return max(map(len, self._lines))

    def problem(self, start: int, end: int, message: str, hint: str = "", detail: str = "") -> Problem:
        """Returns a problem with the characters from `start` to `end` of the file."""
        start = max(0, min(start, len(self.text)))
        line = self.line_number(start)
        text = self.text[start:end].rstrip()
        column = start - self._starts[line]
        return Problem(self.path, line + 1, column + 1, text, message, detail, hint, self._lines[line])

    def line_number(self, offset: int) -> int:
        """The line of an offset, counted from 0."""
        return bisect_right(self._starts, offset) - 1

    def line_text(self, line: int) -> str:
        """The text of a line, counted from 0; empty beyond the end."""
        return self._lines[line] if line < len(self._lines) else ""

    def offset_of_line(self, line: int) -> int:
        """Offset at which a line begins, counted from 0."""
        return self._starts[min(line, len(self._starts) - 1)]
