"""Messages out of files: JSON lines, plain or gzipped, and Parquet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from app.errors import UserError, install_command
from app.simulation.recording import numbered_lines

UNUSABLE_HINT: Final = "README.md shows an event; docs/operations.md says what each reason of a dead letter means"
ROWS_FETCHED: Final = 4_000
OBJECT_COLUMNS: Final = ("properties", "traits", "context")
_PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"


class EventFiles:
    """The messages of files in their order: one JSON object a line, or rows of Parquet as JSON.

    Parquet has the fields of a message as columns; `properties`, `traits` and `context` are structs, maps or JSON
    texts, times are texts or timestamps (UTC where they name no zone). Raises UserError for what cannot be read.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._file = Path()
        self._unit, self._number = "line", 0

    @property
    def place(self) -> str:
        """The line or row of the message that was given last, with its file if there are several."""
        of_file = f" of {self._file.name}" if len(self._files) > 1 else ""
        return f"{self._unit} {self._number:,}{of_file}"

    def __iter__(self) -> Iterator[bytes]:
        numbered: Iterator[tuple[int, bytes]]
        for file in self._files:
            self._file = file
            begin = _beginning(file)
            if begin == _PARQUET or (file.suffix in (".parquet", ".pq") and not file.is_dir()):
                self._unit, numbered = "row", enumerate(_parquet_messages(file), 1)
            elif begin[:2] == _GZIP and file.suffix != ".gz":
                raise UserError(f"{file} is compressed with gzip", hint=f"call it {file.name}.gz")
            else:
                self._unit, numbered = "line", numbered_lines(file)
            for self._number, message in numbered:
                yield message


def read_messages(files: Sequence[Path]) -> Iterator[bytes]:
    """The messages of the files in their order, as of `EventFiles`."""
    return iter(EventFiles(files))


def _beginning(file: Path) -> bytes:
    """The first bytes of a regular file; nothing of what is none, or cannot be read."""
    if not file.is_file():
        return b""
    try:
        with file.open("rb") as opened:
            return opened.read(4)
    except OSError:
        return b""


def _parquet_messages(file: Path) -> Iterator[bytes]:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UserError(f"reading {file} needs DuckDB", hint=install_command("parquet")) from None
    if not file.exists():
        raise UserError(f"there is no file {file}")
    try:
        with duckdb.connect() as connection:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
            names = [name for name, *_ in described]
            if "type" not in names:
                raise UserError(
                    f"{file} has no column type, but {', '.join(names[:10])}",
                    hint="its columns must be the fields of a message: type, event, userId, timestamp, properties ...",
                )
            texts = [name for name, kind, *_ in described if kind == "VARCHAR" and name in OBJECT_COLUMNS]
            columns = f"* REPLACE ({', '.join(f'{name}::JSON AS {name}' for name in texts)})" if texts else "*"
            query = f"SELECT to_json(m)::VARCHAR FROM (SELECT {columns} FROM read_parquet(?)) AS m"  # noqa: S608  # our names
            result = connection.execute(query, [str(file)])
            while rows := result.fetchmany(ROWS_FETCHED):
                yield from (text.encode() for (text,) in rows)
    except duckdb.Error as error:
        raise UserError(f"cannot read {file}: {str(error).splitlines()[0]}") from None
