"""Files that a command writes: whole, or not at all."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.errors import UserError
from app.events.visible_text import visible_json

STANDARD_OUTPUT = Path("-")


def check_output_file(output: Path | None, files: Sequence[Path]) -> None:
    """Checks before hours of work that a file can be written, and would not overwrite what is read. UserError."""
    if output is None or output == STANDARD_OUTPUT:
        return
    if output.is_dir():
        raise UserError(f"--output {output} is a folder", hint=f"give a file, such as {output / 'changes.jsonl'}")
    if not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}")
    if any(file.exists() and output.exists() and file.samefile(output) for file in files):
        raise UserError(f"--output {output} is one of the files to read", hint="give another file")


def write_output_file(output: Path | None, lines: Iterable[bytes]) -> None:
    """Writes lines to standard output, or to a file that is there only when it is whole; None: nowhere. UserError."""
    if output is None:
        return
    if output == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            lines = (visible_json(line.decode()).encode() for line in lines)
        _write_lines(sys.stdout.buffer, lines)
        return
    try:
        if output.exists() and not output.is_file():  # a pipe, a device
            with output.open("wb") as file:
                _write_lines(file, lines)
            return
        with whole_file(output) as part, part.open("wb") as file:
            _write_lines(file, lines)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}") from None


def _write_lines(file: BinaryIO, lines: Iterable[bytes]) -> None:
    file.writelines(line + b"\n" for line in lines)
    file.flush()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` at the end; no incomplete file is left, also after Ctrl-C."""
    whole = path.resolve()
    part = whole.with_name(f".{whole.name}.part")
    try:
        yield part
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
