"""Files of exposures and outcomes: JSON lines, plain or gzipped, and Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from app.errors import UserError, install_command
from app.events.message import instant_ms
from app.offline.uplift import Exposure, Outcome
from app.simulation.recording import numbered_lines

RowT = TypeVar("RowT")
ROWS_FETCHED: Final = 4_000
NO_NUMBER: Final = float("inf")


class _ExposureRow(msgspec.Struct):
    user: str
    group: str
    exposed_at: str | int
    covariate: float | None = None
    crossed: bool | None = None
    experiment: str | None = None


class _OutcomeRow(msgspec.Struct):
    user: str
    t: str | int
    value: float | None = None
    id: str | None = None
    experiment: str | None = None


def read_exposures(file: Path, *, experiment: str | None) -> Iterator[Exposure]:
    """The exposures of a file; UserError for what is none, and for several experiments unless one is named."""
    for place, row in _rows(file, _ExposureRow, experiment):
        yield Exposure(
            user=row.user,
            group=row.group,
            exposed_ms=_instant(row.exposed_at, place, "exposed_at"),
            covariate=None if row.covariate is None else _number(row.covariate, place, "covariate"),
            crossed=bool(row.crossed),
        )


def read_outcomes(file: Path, *, experiment: str | None) -> Iterator[Outcome]:
    """The outcomes of a file, likewise."""
    for place, row in _rows(file, _OutcomeRow, experiment):
        value = _number(row.value or 0.0, place, "value")
        yield Outcome(user=row.user, at_ms=_instant(row.t, place, "t"), value=value, id=row.id)


def _rows(file: Path, kind: type[RowT], experiment: str | None) -> Iterator[tuple[str, RowT]]:
    if not file.is_file():
        raise UserError(f"there is no file {file}")
    decode = msgspec.json.Decoder(kind).decode
    only: str | None = experiment
    is_parquet = file.suffix in (".parquet", ".pq")
    numbered = enumerate(_parquet_rows(file), 1) if is_parquet else numbered_lines(file)
    for number, line in numbered:
        place = f"{file}, {'row' if is_parquet else 'line'} {number}"
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            hint = f"it has {', '.join(kind.__struct_fields__)}"  # type: ignore[attr-defined]  # both kinds are Structs
            raise UserError(f"{place}: {error}", hint=hint) from None
        name = getattr(row, "experiment", None)
        if name is not None and experiment is None:
            only = only or name
            if name != only:
                raise UserError(f"{place}: a second experiment, {name!r:.80}", hint="choose one: --experiment NAME")
        if name is None or name == only:
            yield place, row


def _parquet_rows(file: Path) -> Iterator[bytes]:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise UserError(f"reading {file} needs DuckDB", hint=install_command("parquet")) from None
    try:
        with duckdb.connect() as connection:
            result = connection.execute("SELECT to_json(m)::VARCHAR FROM read_parquet(?) AS m", [str(file)])
            while rows := result.fetchmany(ROWS_FETCHED):
                yield from (text.encode() for (text,) in rows)
    except duckdb.Error as error:
        raise UserError(f"cannot read {file}: {str(error).splitlines()[0]}") from None


def _instant(value: str | int, place: str, name: str) -> int:
    if isinstance(value, int):
        return value
    try:
        return instant_ms(value)
    except ValueError:
        raise UserError(f"{place}: {name} is {value!r:.80}", hint="an instant in ISO 8601, or ms since 1970") from None


def _number(value: float, place: str, name: str) -> float:
    if not -NO_NUMBER < value < NO_NUMBER:
        raise UserError(f"{place}: {name} is {value}", hint="a finite number")
    return value
