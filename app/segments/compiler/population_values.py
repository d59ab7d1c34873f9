"""Numbers of all users as expressions ask for them."""

from dataclasses import dataclass
from typing import Final

from app.segments.evaluation.population_histogram import SHARE_UNITS
from app.segments.language.syntax import Expression

POPULATION: Final = "population "
"""Beginning of the feature of segments that compare with a number of all users; its name follows."""
PUBLISHED: Final = "PUBLISHED"
"""The name under which generated code finds the numbers."""


@dataclass(frozen=True, slots=True)
class PopulationValue:
    """One number: of the highest `percent` of the values of `of`, or the users of a segment."""

    of: Expression | None = None
    percent: int | float = 0
    segment: str = ""

    @property
    def share(self) -> int:
        """The share in hundredths of a percent."""
        return round(self.percent * SHARE_UNITS)
