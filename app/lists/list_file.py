"""Reads the ids of users from a file: CSV with a header, or one id a line."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from app.errors import UserError
from app.events.message import USER_BYTES_MAX
from app.events.user_ids import UserIds
from app.events.visible_text import visible

EXAMPLES_MAX: Final = 10
USUAL_COLUMNS: Final = ("userId", "user_id", "userid", "anonymousId", "id")
FIELD_BYTES_MAX: Final = 1 << 20
_OTHER_SEPARATORS: Final = {";": "';'", "\t": "a tab", "|": "'|'"}


@dataclass(slots=True)
class Skipped:
    """Rows that name no user: how many by reason, and the first of them with its line."""

    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, line: int, value: str, reason: str) -> None:
        """One row."""
        self.reasons[reason] += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"line {line}: {visible(value)!s:.80}: {reason}")


def ids_of_lines(lines: Iterable[str], user_ids: UserIds, skipped: Skipped) -> Iterator[str]:
    """The ids of a text with one a line; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and (found := _id_of(text, number, user_ids, skipped)) is not None:
            yield found


def ids_of_csv(lines: Iterable[str], column: str | None, user_ids: UserIds, skipped: Skipped) -> Iterator[str]:
    """The ids in a column of a CSV with a header. `column` None: the one with a usual name, or the only one.

    UserError if there is no such column, or the file is no CSV.
    """
    csv.field_size_limit(FIELD_BYTES_MAX)
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(header, rows.line_num)
        at = _column_of(header, column)
        for row in rows:
            if not any(row):
                continue
            text = row[at].strip() if at < len(row) else ""
            if (found := _id_of(text, rows.line_num, user_ids, skipped)) is not None:
                yield found
    except csv.Error as error:
        raise UserError(f"line {rows.line_num} is no CSV: {error}", hint="quotes within a value are doubled") from None


def text_lines(data: bytes) -> io.StringIO:
    """The lines of a file. UserError if it is not UTF-8."""
    try:
        return io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"line {line} is not UTF-8", hint="save the file as UTF-8, with a header") from None


def _check_header(header: list[str], line: int) -> None:
    """UserError for a first line without columns. Another separator would make each whole line an id."""
    if not line:
        raise UserError("the file is empty", hint="a header first, then one row a user")
    if not any(header):
        raise UserError(f"line {line} is blank", hint="write the names of the columns in the first line")
    if len(header) == 1:
        for separator, shown in _OTHER_SEPARATORS.items():
            if separator in header[0]:
                raise UserError(f"{shown} separates the columns of the file", hint="save the file with commas")


def _column_of(header: list[str], column: str | None) -> int:
    if column is not None:
        if column in header:
            return header.index(column)
        raise UserError(f"there is no column {column!r:.80}", hint=f"the columns are {_shown(header)}")
    for name in USUAL_COLUMNS:
        if name in header:
            return header.index(name)
    if len(header) == 1:
        raise UserError(
            f"the only column is called {visible(header[0])!r:.80}, which may be a header or an id",
            hint="name it with --column, or give a file with one id a line that does not end with .csv",
        )
    raise UserError("no column has a usual name for ids", hint=f"name one with --column: {_shown(header)}")


def _shown(header: list[str]) -> str:
    return ", ".join(visible(name) for name in header[:20])


def _id_of(text: str, line: int, user_ids: UserIds, skipped: Skipped) -> str | None:
    found = user_ids.id_of(text)
    if found is None:
        skipped.add(line, text, "names nobody" if text else "empty")
    elif "\x00" in found or len(found.encode(errors="replace")) > USER_BYTES_MAX:
        skipped.add(line, text, f"no id: longer than {USER_BYTES_MAX} bytes, or with a zero character")
    else:
        return found
    return None
