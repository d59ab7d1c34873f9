"""A sample as a file for a person to mark, CSV or Markdown by its name, and the marks read back."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from app.errors import UserError
from app.events.instants import iso
from app.events.message import instant_ms
from app.events.visible_text import visible_line
from app.offline.audits.sampling import Atom, Case, Drawn, Sample
from app.offline.spreadsheets import kept_cell_of, text_of

COLUMNS: Final = ("right", "remark", "user", "drawn", "why", "segment", "version", "at", "of")
YES: Final = frozenset({"yes", "y", "true", "1", "x", "✓"})
NO: Final = frozenset({"no", "n", "false", "0"})
HINT: Final = "shoal audit sample writes one; mark the column right with yes or no"
WAITS: Final = "all parts hold: for, cooldown, warmup, or a consent that is not given, keeps them out"
_CELL_END: Final = re.compile(r"(?<!\\)\|")
_MEANS: Final = {
    "member": "is in: right, if they belong there",
    "near": "is not in, but nearly: right, if they do not belong there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A case with the judgement of a person; None: not judged. of: how many it was drawn from."""

    user: str
    drawn: Drawn
    segment: str
    version: str
    at_ms: int
    of: int
    is_right: bool | None
    remark: str


def audit_lines(path: Path, sample: Sample) -> list[bytes]:
    """The lines of a file with a sample. UserError for a name that says no format."""
    rows = [_row(case, sample) for case in sample.cases]
    text = _markdown(rows, sample) if format_of(path) == "markdown" else _csv(rows)
    return [line.encode() for line in text.splitlines()]


def format_of(path: Path) -> str:
    """csv or markdown. UserError for another name."""
    formats = {".csv": "csv", ".md": "markdown"}
    if path.suffix.lower() not in formats:
        raise UserError(f"{path} has no known ending", hint="call it .csv or .md")
    return formats[path.suffix.lower()]


def _row(case: Case, sample: Sample) -> tuple[str, ...]:
    of = sample.members if case.drawn == "member" else sample.near
    why = "; ".join([*map(_told, case.atoms), *([WAITS] if case.drawn == "near" and not case.missing else [])])
    return ("", "", case.user, case.drawn, why, sample.segment, sample.version, iso(sample.at_ms), str(of))


def _told(atom: Atom) -> str:
    """An atom in a few words.

    >>> _told(Atom("cart.items > 0", False, None))
    '✗ cart.items > 0 (nothing)'
    """
    value = atom.value
    if value is None:
        shown = "nothing"
    elif isinstance(value, bool):
        shown = "yes" if value else "no"
    else:
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return visible_line(f"{'✓' if atom.holds else '✗'} {atom.text} ({shown})")


def _csv(rows: Sequence[tuple[str, ...]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([kept_cell_of(visible_line(cell)) for cell in row] for row in rows)
    return written.getvalue()


def _markdown(rows: Sequence[tuple[str, ...]], sample: Sample) -> str:
    lines = [
        f"# Audit of {sample.segment}",
        "",
        f"As of {iso(sample.at_ms)}. Write yes or no into the column right, and a remark if there is one.",
        "",
        *(f"- {drawn}: {meaning}" for drawn, meaning in _MEANS.items()),
        "",
        _line(COLUMNS),
        _line("---" for _ in COLUMNS),
        *(_line(visible_line(cell).replace("\\", "\\\\").replace("|", "\\|") for cell in row) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def read_audit(path: Path) -> list[Marked]:
    """The cases of a marked file. UserError, with the line, for what cannot be read."""
    form = format_of(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}", hint=HINT) from None
    numbered = _markdown_rows(text) if form == "markdown" else _csv_rows(text)
    header = next(numbered, None)
    if header is None or not set(COLUMNS) <= set(header[1]):
        raise UserError(f"{path} has not the columns {', '.join(COLUMNS)}", hint=HINT)
    places = [header[1].index(name) for name in COLUMNS]
    found = []
    for number, cells in numbered:
        if len(cells) < len(header[1]):
            raise UserError(f"{path}:{number} has {len(cells)} columns, not {len(header[1])}", hint=HINT)
        found.append(_marked(f"{path}:{number}", dict(zip(COLUMNS, (cells[place] for place in places), strict=True))))
    if not found:
        raise UserError(f"{path} has no case", hint=HINT)
    if len({(each.segment, each.at_ms, each.version) for each in found}) > 1:
        raise UserError(f"{path} has cases of several audits", hint="keep each audit in a file of its own")
    return found


def _marked(place: str, cells: dict[str, str]) -> Marked:
    mark = cells["right"].strip().lower()
    if mark and mark not in YES | NO:
        raise UserError(f"{place}: right is {visible_line(cells['right'])!r:.60}", hint="write yes or no, or nothing")
    drawn = next((each for each in get_args(Drawn) if each == cells["drawn"]), None)
    if drawn is None:
        raise UserError(f"{place}: drawn is {visible_line(cells['drawn'])!r:.60}", hint="member or near")
    try:
        at_ms, of = instant_ms(cells["at"]), int(cells["of"].replace(",", ""))
    except ValueError:
        raise UserError(f"{place}: the columns at and of cannot be read", hint="leave them as they were") from None
    return Marked(
        user=cells["user"],
        drawn=drawn,
        segment=cells["segment"],
        version=cells["version"],
        at_ms=at_ms,
        of=of,
        is_right=mark in YES if mark else None,
        remark=cells["remark"],
    )


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their lines. A spreadsheet may have written semicolons."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    for row in reader:
        if row:
            yield reader.line_num, [text_of(cell) for cell in row]


def _markdown_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("|") and not set(line) <= set("|-: "):
            cells = _CELL_END.split(line.strip().removeprefix("|").removesuffix("|"))
            yield number, [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in cells]
