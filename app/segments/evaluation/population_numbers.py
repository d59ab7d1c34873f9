"""Numbers of all users out of what partitions have counted, and the control records of a census. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.events.control_record import Control, write_control
from app.segments.evaluation.population_histogram import add_all, top_threshold, users_in
from app.segments.language.population_checks import population_name
from app.segments.language.syntax import SegmentSize

Numbers: TypeAlias = Mapping[str, int | float | None]
Counted: TypeAlias = Mapping[str, tuple[Mapping[str, int], Mapping[int, int]]]
"""By its text, each expression that a partition has counted: the numbers that are made of it, each with its part of the
users (`top_threshold`), and the users by buckets."""


@dataclass(frozen=True, slots=True)
class Population:
    """Counts of all partitions together. numbers: by name. users: by its text, how many users have a value of
    each expression. members: users in each segment."""

    numbers: dict[str, int | float | None]
    users: dict[str, int]
    members: dict[str, int]


def population_of(counted: Sequence[Counted], members: Sequence[Mapping[str, int]]) -> Population:
    """The numbers that all partitions have counted for, in order of their names.

    What a partition has not counted has no number: it does not know the definitions that ask for it yet.
    """
    numbers: dict[str, int | float | None] = {}
    users: dict[str, int] = {}
    for text in sorted(_in_all(counted)):
        total = add_all(each[text][1] for each in counted)
        users[text] = users_in(total)
        parts = counted[0][text][0]
        for name in _in_all([each[text][0] for each in counted]):
            numbers[name] = top_threshold(total, parts[name])
    sizes = {segment: sum(each[segment] for each in members) for segment in sorted(_in_all(members))}
    numbers |= {population_name(SegmentSize(segment)): size for segment, size in sizes.items()}
    return Population(dict(sorted(numbers.items())), users, sizes)


def _in_all(found: Sequence[Mapping[str, object]]) -> set[str]:
    return set(found[0]).intersection(*found[1:]) if found else set()


def census_record(app: str, census: int) -> bytes:
    """The control record that lets a partition count its users."""
    return write_control(Control(deed="census", app=app, id=str(census), source="", to="", n=census, at_ms=census))


def numbers_record(app: str, census: int, numbers: Numbers) -> bytes:
    """The control record from which on the numbers of all users are these."""
    control = Control(
        deed="publish", app=app, id=str(census), source="", to="", n=census, at_ms=census, numbers=dict(numbers)
    )
    return write_control(control)
