"""Two runs of one benchmark side by side: what may be compared, and how one figure stands to the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.benchmarks.figures import Figure, Figures, better, per_calibration, show

Verdict = Literal["better", "worse", ""]

#: Difference between rounds of the same code on the same events, on a shared machine.
NOISE: Final = 0.1
WORK: Final = ("source", "events", "seed")
BUSY: Final = "load_1_min"


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of both. The ratios are B / A: as measured, divided by the calibrations, and divided by the speeds of
    the interpreters. None for words, for a zero, and where a calibration does not help or is not there."""

    row: str
    column: str
    a: Figure
    b: Figure
    ratio: float | None
    calibrated: float | None
    interpreted: float | None = None

    @property
    def verdict(self) -> Verdict:
        """Tells if B is better or worse, by more than noise.

        What is measured is partly C and partly Python: it must be so by both calibrations, where there are both.
        """
        calibrated = [each for each in (self.calibrated, self.interpreted) if each is not None]
        verdicts = {self._verdict_of(each) for each in calibrated or (self.ratio,)}
        return verdicts.pop() if len(verdicts) == 1 else ""

    def _verdict_of(self, ratio: float | None) -> Verdict:
        direction = better(self.column)
        if not ratio or direction == "neither" or 1 / (1 + NOISE) <= ratio <= 1 + NOISE:
            return ""
        return "better" if (ratio < 1) == (direction == "less") else "worse"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs of the same benchmark."""

    a: Figures
    b: Figures

    @property
    def reasons_against(self) -> list[str]:
        """Reasons not to compare the runs: other work, or a run that does not count."""
        work = ((name, getattr(self.a, name), getattr(self.b, name)) for name in WORK)
        return [
            *(f"{name} {show(a)} against {show(b)}" for name, a, b in work if a != b),
            *(f"{name} is invalid: {each.invalid}" for name, each in (("A", self.a), ("B", self.b)) if each.invalid),
        ]

    @property
    def machines(self) -> list[str]:
        """Differences of the machines, apart from their load."""
        return _against(_shape(self.a), _shape(self.b))

    @property
    def versions(self) -> list[str]:
        """Versions that differ."""
        return _against(self.a.versions, self.b.versions)

    @property
    def only(self) -> tuple[list[str], list[str]]:
        """Rows that only A has, and that only B has."""
        return one_sided(self.a.by_name(), self.b.by_name())

    def pairs(self) -> Iterator[Pair]:
        """Each figure that both have, row by row, in the order of A."""
        others = self.b.by_name()
        for name, row in self.a.by_name().items():
            other = others.get(name, {})
            for column, a in row.items():
                if column in other and (a != "" or other[column] != ""):
                    yield self._pair(name, column, a, other[column])

    def _pair(self, row: str, column: str, a: Figure, b: Figure) -> Pair:
        if isinstance(a, str) or isinstance(b, str) or not a:
            return Pair(row, column, a, b, None, None)
        ratio = b / a
        calibrated = _divided(column, ratio, self.a.calibration_us, self.b.calibration_us)
        interpreted = _divided(column, ratio, self.a.interpreter_us, self.b.interpreter_us)
        return Pair(row, column, a, b, ratio, calibrated, interpreted)


def _divided(column: str, ratio: float, a_us: float, b_us: float) -> float | None:
    """The ratio without the speeds of the machines; None where they do not matter, or one was not measured."""
    if not a_us or not b_us:
        return None
    of_a, of_b = per_calibration(column, a_us), per_calibration(column, b_us)
    return None if of_a is None or of_b is None else ratio * of_b / of_a


def one_sided(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names that only one of the two has, in their order."""
    return [name for name in a if name not in b], [name for name in b if name not in a]


def _shape(figures: Figures) -> dict[str, Figure | None]:
    return {name: value for name, value in figures.machine.items() if name != BUSY}


def _against(a: Mapping[str, Figure | None], b: Mapping[str, Figure | None]) -> list[str]:
    names = [*a, *(name for name in b if name not in a)]
    return [f"{name} {_said(a.get(name))} against {_said(b.get(name))}" for name in names if a.get(name) != b.get(name)]


def _said(value: Figure | None) -> str:
    return "none" if value is None else show(value)
