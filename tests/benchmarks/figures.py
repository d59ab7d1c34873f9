"""The figures of one benchmark, as `make bench` writes them: a JSON file."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from app.errors import UserError

Figure = int | float | str
Direction = Literal["less", "more", "neither"]

_RATE: Final = re.compile(r"^events_a_(?:cpu_)?s$")
_TIME: Final = re.compile(r"(?:^|_)(?:us|ms|s|seconds)(?:_|$)")
#: Mostly waiting time, for a full batch or for the broker. On a faster machine it is hardly shorter.
_WAIT: Final = re.compile(r"(?:^|_)(?:p[\d_]+|max)_ms$")
_SIZE: Final = re.compile(r"(?:^|_)(?:bytes|mib|ratio|calibrations)(?:_|$)|_share$")
_THOUSANDTH: Final = re.compile(r"^(p\d+)_(\d+)")


class Figures(msgspec.Struct, kw_only=True, frozen=True):
    """Figures of one run of a benchmark.

    The first column of each row is its name; a column's name ends or begins with its unit (`us_an_event`, `p99_ms`).
    `calibration_us` is CPU microseconds of plain JSON decoding of one of the messages, on that machine at that time.
    `interpreter_us` is CPU microseconds of a fixed piece of plain Python there; 0: it was not measured.
    `invalid` says why the figures do not count; empty: they do. `when` is an instant in ISO 8601.
    """

    benchmark: Annotated[str, msgspec.Meta(min_length=1)]
    source: str
    seed: int
    events: int
    calibration_us: Annotated[float, msgspec.Meta(gt=0)]
    interpreter_us: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    rows: Annotated[
        list[Annotated[dict[str, Figure], msgspec.Meta(min_length=1)]],
        msgspec.Meta(min_length=1),
    ]
    invalid: str = ""
    when: str
    machine: dict[str, Figure | None]
    versions: dict[str, str]

    def by_name(self) -> dict[str, Mapping[str, Figure]]:
        """The rows, each under its name and without it; the second of a name is called `name (2)`."""
        found: dict[str, Mapping[str, Figure]] = {}
        times = Counter[str]()
        for row in self.rows:
            (_, value), *cells = row.items()
            name = show(value)
            times[name] += 1
            found[name if times[name] == 1 else f"{name} ({times[name]})"] = dict(cells)
        return found


def read_figures(path: Path) -> dict[str, tuple[Path, Figures]]:
    """A file, or all .json files of a folder: the benchmark's name -> its file and figures. Raises UserError."""
    if not path.exists():
        raise UserError(f"there is no {path}", hint="make bench writes .cache/bench/<benchmark>.json")
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path} holds no .json", hint='make bench ARGS="--output FOLDER" writes there')
    found: dict[str, tuple[Path, Figures]] = {}
    for file in files:
        figures = _read(file)
        if figures.benchmark in found:
            first = found[figures.benchmark][0]
            raise UserError(f"{first} and {file} are both of {figures.benchmark}", hint="give one of the files")
        found[figures.benchmark] = (file, figures)
    return found


def better(column: str) -> Direction:
    """Direction in which a figure of this column is better.

    >>> better("us_an_event"), better("events_a_s"), better("p99_9_ms"), better("bytes_a_user"), better("changes")
    ('less', 'more', 'less', 'less', 'neither')
    """
    if _RATE.search(column):
        return "more"
    return "less" if _TIME.search(column) or _SIZE.search(column) else "neither"


def per_calibration(column: str, calibration_us: float) -> float | None:
    """Factor that turns a figure of this column into calibrations; None: the machine does not matter.

    >>> per_calibration("us_an_event", 2.0), per_calibration("events_a_s", 2.0), per_calibration("resident_mib", 2.0)
    (0.5, 2.0, None)
    """
    if _RATE.search(column):
        return calibration_us
    return 1 / calibration_us if _TIME.search(column) and not _WAIT.search(column) else None


def title(column: str) -> str:
    """A column's name for people.

    >>> title("us_an_event"), title("p99_9_ms")
    ('us an event', 'p99.9 ms')
    """
    return _THOUSANDTH.sub(r"\1.\2", column).replace("_", " ")


def show(value: Figure) -> str:
    """A figure for people.

    >>> show(17.109), show(58448.7), show(176003), show("yes")
    ('17.11', '58,449', '176,003', 'yes')
    """
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def _read(file: Path) -> Figures:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Figures)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise UserError(f"{file} is not what make bench writes: {error}") from None
    except msgspec.DecodeError as error:
        raise UserError(f"{file} is no JSON: {error}") from None
