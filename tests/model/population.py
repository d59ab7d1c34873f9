"""Numbers of all users: found by sorting everybody's values, as docs/population.md says them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from typing import TypeAlias

from app.segments.definitions.definition import Catalog, PointsWhen
from app.segments.language import canonical
from app.segments.language.syntax import Comparison, Expression, SegmentSize, Top
from tests.model.asked import said_by
from tests.model.messages import Record, Unreadable
from tests.model.plain import MILLION, NUMBER_MAX, Value, is_number, number
from tests.model.view import walk

Numbers: TypeAlias = Mapping[str, int | float | None]


@dataclass(frozen=True, slots=True)
class Censused:
    """The users are counted; or (`numbers` is not None) the numbers of all users are these from here on."""

    census: int
    numbers: Numbers | None


def read_census(record: Record, app: str) -> Censused | None:
    """Content of a control record of a census; None for another record. Raises Unreadable without a reason for another
    app's."""
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("type") != "control" or said.get("deed") not in ("census", "publish"):
        return None
    if not {"app", "n"} <= said.keys():
        raise Unreadable("invalid-control")
    if said["app"] != app:
        raise Unreadable("")
    return Censused(said["n"], said.get("numbers", {}) if said["deed"] == "publish" else None)


def asked(catalog: Catalog) -> dict[str, Expression | None]:
    """By its name, each number that definitions compare with: what it is a share of, or None for a size."""
    reading = [expression for segment in catalog.segments for expression in said_by(segment)]
    reading += [each.condition for score in catalog.scores for each in score.points if isinstance(each, PointsWhen)]
    found: dict[str, Expression | None] = {}
    for node in (node for expression in reading for node in walk(expression)):
        if isinstance(node, Comparison) and isinstance(node.right, Top):
            found[f"{canonical.text(node.right)} of {canonical.text(node.left)}"] = node.left
        elif isinstance(node, SegmentSize):
            found[canonical.text(node)] = None
    return found


def percent_of(name: str) -> Fraction:
    """The share in the name of a number: `top(10%) of ...`. Fraction(-3) for `top(3 users) of ...`."""
    said = name.removeprefix("top(").split(")")[0]
    return Fraction(said[:-1]) / 100 if said.endswith("%") else -Fraction(said.split()[0])


def threshold(values: Iterable[Value], share: Fraction) -> int | float | None:
    """The value of the last of the highest share, or less: the next edge below it. `share`: as of `percent_of`."""
    highest = sorted((value for value in values if is_number(value) and millionths(value) > 0), reverse=True)
    if not highest:
        return None
    last = highest[ceil(len(highest) * share) - 1] if share > 0 else highest[: -int(share)][-1]
    below = max(edge for edge in edges() if edge <= millionths(last))
    return number(Fraction(below, MILLION))


def millionths(value: int | float) -> int:
    return round(min(value, NUMBER_MAX) * MILLION)


@cache
def edges() -> list[int]:
    return list(_edges())


def _edges() -> Iterator[int]:
    """In millionths: each 101/99 of the one before, or less: the last whole number before that, if there is one."""
    edge = 1
    while edge <= NUMBER_MAX * MILLION:
        yield edge
        farthest = max(edge + 1, int(Fraction(101, 99) * edge))
        wholes = farthest // MILLION * MILLION
        edge = wholes if wholes > edge else farthest
    yield edge
