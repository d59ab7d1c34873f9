"""The aggregate functions: `count`, `sum` and the others, each in one entry.

The grammar, types, checks, hints, warnings, the compiler, footprints and cold-start warnings read what they need of a
function here, so a new one is: an entry, the class that keeps its state (`tables`), the oracle, a line of the docs.
CONTRIBUTING.md has the recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from app.segments.language.value_type import Type
from tables.calendar_days import Unit, most_units
from tables.counted import Counted
from tables.days import DAYS_MAX, Days, Streak
from tables.pairs import First, Numbers
from tables.percentiles import Percentile
from tables.recent import VALUES_MAX
from tables.running_tally import RunningTally
from tables.tallies import Distinct, Tally
from tables.windows import (
    EVENTS_MAX,
    FirstEver,
    Kind,
    Last,
    Latest,
    LatestN,
    Running,
    RunningNumber,
)

Item: TypeAlias = Literal["nothing", "keys", "numbers", "value", "points"]
"""The part of an event that an aggregate gets; `points` are those of a score."""

Growth: TypeAlias = Literal["grows", "shrinks", "varies", "latest"]
Reading: TypeAlias = Literal["value", "exists", "never", "since"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The demands of an expression on a state.

    `bounded`: with `within` or `since last`; else of all time. `per`: apart for each value of a property. `places`: how
    many events a comparison with a fixed number needs; None: all. `zone`: that of the catalog. `rank`: of a percentile.
    """

    within_ms: int | None
    bounded: bool
    per: bool
    places: int | None
    zone: str
    counted: Counted
    rank: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateFunction:
    """One function.

    item: what its state gets of an event; of "nothing" it is written `name(P)`, else `name(x of P)`
    result: the type of its value
    nothing: its value where no event counts; None: missing
    whole, least: what its numbers are
    growth: what more events of the past would do to it: make it larger, smaller, either; or it is that of the latest
    reading: how the value is read: by the state, or as the presence, absence or age of its latest event
    state: makes the object that keeps the state; states have the contract of `tables.windows`
    most: the highest number that its limits let it reach: in a window, and of all time; None: any
    why_most: why, in words
    unit: what it counts of the calendar, so that the zone is part of what it is
    ends_at_midnight: midnights end it, and no window does
    ranked: a number comes before the property
    per: may be asked apart for each value of a property
    shares: the function whose state it reads, if not its own
    example: a property that an example names
    """

    name: str
    item: Item
    result: Type
    nothing: int | bool | None
    growth: Growth
    state: Callable[[Asked], Kind]
    whole: bool = False
    least: int | None = None
    reading: Reading = "value"
    most: tuple[int | None, int | None] = (None, None)
    why_most: str = ""
    unit: Unit | None = None
    ends_at_midnight: bool = False
    ranked: bool = False
    per: bool = False
    shares: str = ""
    example: str = "order_id"

    @property
    def of_property(self) -> bool:
        """If it is written `name(x of P)`."""
        return self.item != "nothing"

    @property
    def tells_events_apart(self) -> bool:
        """If its value depends on more of the events than their number, and than the latest."""
        return self.of_property or (self.unit is not None and not self.ends_at_midnight)

    def touched_within(self, within_ms: int | None) -> int | None:
        """The most days, weeks or months that a window can touch, where that is the nearest limit."""
        if self.unit is None or within_ms is None:
            return None
        touched = most_units(self.unit, within_ms)
        return touched if touched < DAYS_MAX else None


def _latest(asked: Asked) -> Kind:
    return Latest(asked.within_ms)


def _count(asked: Asked) -> Kind:
    if asked.per:
        bounded = asked.bounded
        return Tally(asked.within_ms, asked.places, asked.counted) if bounded else RunningTally(asked.counted)
    return LatestN(asked.within_ms, asked.places, asked.counted) if asked.bounded else Running()


def _numbers(function: str) -> Callable[[Asked], Kind]:
    def state(asked: Asked) -> Kind:
        bounded = asked.bounded
        return Numbers(function, asked.within_ms, asked.counted) if bounded else RunningNumber(function)

    return state


def _days(unit: Unit) -> AggregateFunction:
    return AggregateFunction(
        name=f"{unit}s",
        item="nothing",
        result=Type.NUMBER,
        nothing=0,
        whole=True,
        least=0,
        growth="grows",
        state=lambda asked: Days(unit, asked.within_ms, asked.zone, asked.counted),
        most=(DAYS_MAX, DAYS_MAX),
        why_most=f"at most {DAYS_MAX} {unit}s are kept",
        unit=unit,
    )


def _first(asked: Asked) -> Kind:
    return First(asked.within_ms, asked.counted) if asked.bounded else FirstEver()


_ENTRIES: Final = (
    AggregateFunction(
        name="count",
        item="nothing",
        result=Type.NUMBER,
        nothing=0,
        whole=True,
        least=0,
        growth="grows",
        state=_count,
        most=(EVENTS_MAX, None),
        why_most=f"a count with within or since last keeps only the latest {EVENTS_MAX:,} events",
        per=True,
    ),
    AggregateFunction(
        name="sum",
        item="numbers",
        result=Type.NUMBER,
        nothing=0,
        growth="grows",
        state=_numbers("sum"),
        example="revenue",
    ),
    AggregateFunction(
        name="avg",
        item="numbers",
        result=Type.NUMBER,
        nothing=None,
        growth="varies",
        state=_numbers("avg"),
        example="revenue",
    ),
    AggregateFunction(
        name="min",
        item="numbers",
        result=Type.NUMBER,
        nothing=None,
        growth="shrinks",
        state=_numbers("min"),
        example="revenue",
    ),
    AggregateFunction(
        name="max",
        item="numbers",
        result=Type.NUMBER,
        nothing=None,
        growth="grows",
        state=_numbers("max"),
        example="revenue",
    ),
    AggregateFunction(
        name="median",
        item="numbers",
        result=Type.NUMBER,
        nothing=None,
        growth="varies",
        state=lambda asked: Percentile(50, asked.within_ms, asked.counted),
        example="revenue",
    ),
    AggregateFunction(
        name="percentile",
        item="numbers",
        result=Type.NUMBER,
        nothing=None,
        growth="varies",
        state=lambda asked: Percentile(asked.rank or 0, asked.within_ms, asked.counted),
        ranked=True,
        example="revenue",
    ),
    AggregateFunction(
        name="distinct",
        item="keys",
        result=Type.NUMBER,
        nothing=0,
        whole=True,
        least=0,
        growth="grows",
        state=lambda asked: Distinct(asked.within_ms, asked.counted),
        most=(VALUES_MAX, VALUES_MAX),
        why_most=f"at most {VALUES_MAX} different values are kept",
    ),
    AggregateFunction(
        name="first",
        item="value",
        result=Type.DYNAMIC,
        nothing=None,
        growth="varies",
        state=_first,
        example="product_id",
    ),
    AggregateFunction(
        name="last",
        item="value",
        result=Type.DYNAMIC,
        nothing=None,
        growth="latest",
        state=lambda asked: Last(asked.within_ms),
        example="product_id",
    ),
    AggregateFunction(
        name="exists",
        item="nothing",
        result=Type.BOOLEAN,
        nothing=False,
        growth="grows",
        reading="exists",
        state=_latest,
    ),
    AggregateFunction(
        name="never",
        item="nothing",
        result=Type.BOOLEAN,
        nothing=True,
        growth="shrinks",
        reading="never",
        state=_latest,
        shares="exists",
    ),
    AggregateFunction(
        name="since",
        item="nothing",
        result=Type.DURATION,
        nothing=None,
        whole=True,
        least=0,
        growth="latest",
        reading="since",
        state=_latest,
    ),
    _days("day"),
    _days("week"),
    _days("month"),
    AggregateFunction(
        name="streak",
        item="nothing",
        result=Type.NUMBER,
        nothing=0,
        whole=True,
        least=0,
        growth="grows",
        state=lambda asked: Streak(asked.zone, asked.counted),
        most=(DAYS_MAX, DAYS_MAX),
        why_most=f"at most {DAYS_MAX} days are kept",
        unit="day",
        ends_at_midnight=True,
    ),
    # A new function goes here: CONTRIBUTING.md, "Add a function".
)

AGGREGATES: Final[dict[str, AggregateFunction]] = {entry.name: entry for entry in _ENTRIES}
"""The functions by their names, in the order in which messages list them."""


def grammar_with_functions(grammar: str) -> str:
    """The grammar, with the names of the functions where it leaves room for them."""
    places: dict[str, Callable[[AggregateFunction], bool]] = {
        "EVENT_FUNCTIONS": lambda entry: not entry.of_property,
        "PROPERTY_FUNCTIONS": lambda entry: entry.of_property and not entry.ranked,
        "RANKED_FUNCTIONS": lambda entry: entry.ranked,
    }
    for place, belongs in places.items():
        names = [name.upper() for name, entry in AGGREGATES.items() if belongs(entry)]
        grammar = grammar.replace(f"%{place}%", " | ".join(names))
    terminals = (f"{name.upper()}.3: /{name}(?=\\s*\\()/" for name in AGGREGATES)
    return grammar.replace("// %FUNCTION_NAMES%", "\n".join(terminals))
