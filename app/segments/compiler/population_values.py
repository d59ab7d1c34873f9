"""Numbers of all users as expressions ask for them."""

from dataclasses import dataclass
from typing import Final

from app.segments.evaluation.population_histogram import SHARE_UNITS
from app.segments.language.syntax import Expression, Top

POPULATION: Final = "population "
"""Beginning of the feature of segments that compare with a number of all users; its name follows."""
PUBLISHED: Final = "PUBLISHED"
"""The name under which generated code finds the numbers."""


@dataclass(frozen=True, slots=True)
class PopulationValue:
    """One number: what the highest users reach, by the value of `of`; or the users of a segment."""

    of: Expression | None = None
    top: Top | None = None
    segment: str = ""

    @property
    def part(self) -> int:
        """The part of all users that `top` asks for: see `top_threshold`."""
        assert self.top is not None, "asked of the size of a segment"
        return -int(self.top.number) if self.top.of_users else round(self.top.number * SHARE_UNITS)
