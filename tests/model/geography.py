"""Versions and places, each by a way of its own."""

import re
from fractions import Fraction
from itertools import zip_longest
from math import asin, cos, dist, radians, sin

from app.segments.language.syntax import Near
from tests.model.plain import Value, as_number, each, is_number

RADIUS_KM = 6371.0088


def version(value: Value) -> Value:
    """A version, or those of a list; missing where there is none."""
    kept = tuple(one for one in each(value) if parts(one) is not None)
    return (kept or None) if isinstance(value, tuple) else (kept[0] if kept else None)


def parts(value: object) -> list[int] | None:
    """The numbers of a version, in order."""
    text = value if isinstance(value, str) else str(value) if is_number(value) else ""
    numbers = re.split(r"[-+ ]", text, maxsplit=1)[0].removeprefix("v").removeprefix("V").split(".")
    if text[:2].lower() == "vv" or len(numbers) > 10 or not all(re.fullmatch("[0-9]{1,15}", one) for one in numbers):
        return None
    return [int(one) for one in numbers]


def compare_versions(operator: str, left: Value, right: Value) -> bool:
    return any(compare_two_versions(operator, a, b) for a in each(left) for b in each(right))


def compare_two_versions(operator: str, left: object, right: object) -> bool:
    a, b = parts(left), parts(right)
    if a is None or b is None:
        return False
    difference = next((x - y for x, y in zip_longest(a, b, fillvalue=0) if x != y), 0)
    return {
        "=": difference == 0,
        "in": difference == 0,
        "!=": difference != 0,
        "<": difference < 0,
        "<=": difference <= 0,
        ">": difference > 0,
        ">=": difference >= 0,
    }[operator]


def coordinate(values: list[Value], most: int) -> float | None:
    numbers = [number for number in map(as_number, values) if number is not None]
    return float(numbers[0]) if numbers and abs(Fraction(numbers[0])) <= most else None


def is_near(node: Near, values: list[Value]) -> bool:
    """By the straight line through the earth between two points on a sphere."""
    latitude, longitude = coordinate(values[:2], 90), coordinate(values[2:], 180)
    if latitude is None or longitude is None:
        return False
    line = dist(on_sphere(latitude, longitude), on_sphere(node.latitude, node.longitude))
    return 2 * RADIUS_KM * asin(min(1.0, line / 2)) <= node.km


def on_sphere(latitude: float, longitude: float) -> tuple[float, float, float]:
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)
