"""Numbers of all users that segments compare with: what a census counts for them, and whom another number touches.

Generated code reads a number as last published from a dictionary of the program, `PUBLISHED`. A partition puts its own
numbers there before it works: partitions of one program take their turns, and may have read different publications.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.segments.compiler.population_values import POPULATION, PUBLISHED, PopulationValue
from app.segments.compiler.value_code import Values
from app.segments.language import canonical
from tables.profile import Profile

Numbers = Mapping[str, int | float]


@dataclass(frozen=True, slots=True)
class Measure:
    """An expression that a census counts. value: what it is of a profile at an instant. parts: each number that is
    made of it, with its part of the users (`top_threshold`)."""

    text: str
    value: Callable[[Profile, int], Any]
    parts: dict[str, int]


@dataclass(frozen=True, slots=True)
class PopulationCode:
    """All numbers of a program. masks: by the name of a number, the segments that compare with it. sizes: those that
    are the size of a segment, with its name. published: the numbers that generated code reads."""

    measures: tuple[Measure, ...] = ()
    sizes: dict[str, str] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    published: dict[str, int | float] = field(default_factory=dict)

    def read(self, numbers: Numbers) -> None:
        """From here on generated code reads these numbers."""
        self.published.clear()
        self.published.update(numbers)


def write_measures(writer: Values, population: Mapping[str, PopulationValue]) -> dict[str, str]:
    """Writes a function for each expression that a census counts. Returns their names, by the expressions' texts."""
    written: dict[str, str] = {}
    writer.touched_by = "none"
    for value in population.values():
        if value.of is None or (text := canonical.text(value.of)) in written:
            continue
        name = written[text] = f"measure_{len(written)}"
        with writer.code.block(f"def {name}(p, now)"):
            writer.code.line("A = p.aggregates")
            writer.code.line(f"return {writer.value(value.of)[0]}")
    return written


def population_code(
    population: Mapping[str, PopulationValue],
    measured: Mapping[str, str],
    features: Mapping[str, int],
    functions: Mapping[str, Any],
) -> PopulationCode:
    """The numbers of a program whose functions are compiled. `features`: the segments that read something, as masks."""
    parts: dict[str, dict[str, int]] = {text: {} for text in measured}
    for name, value in sorted(population.items()):
        if value.of is not None:
            parts[canonical.text(value.of)][name] = value.part
    measures = tuple(Measure(text, functions[measured[text]], parts[text]) for text in sorted(measured))
    sizes = {name: value.segment for name, value in sorted(population.items()) if value.of is None}
    masks = {name: features.get(POPULATION + name, 0) for name in sorted(population)}
    return PopulationCode(measures, sizes, masks, functions.get(PUBLISHED, {}))
