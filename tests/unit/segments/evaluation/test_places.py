"""Places near a point, and versions."""

from typing import Any

import pytest

from app.segments.evaluation.places import Area
from app.segments.evaluation.versions import COMPARE, as_version


@pytest.mark.parametrize(
    ("place", "km", "is_near"),
    [
        ((52.40, None, 13.06, None), 26, False),  # Potsdam is 26.6 km from the middle of Berlin
        ((52.40, None, 13.06, None), 27, True),
        ((None, 52.52, None, 13.40), 0.001, True),
        (("52.52", None, "13.40", None), 0.001, True),
        (("x", 52.52, 13.40, 0), 1, True),
        ((52.52, None, None, None), 20_000, False),
        (([52.52], None, 13.40, None), 20_000, False),
        ((True, None, 13.40, None), 20_000, False),
        ((91, None, 13.40, None), 20_000, False),
    ],
)
def test_a_place_is_near_up_to_the_distance(place: tuple[Any, ...], km: float, *, is_near: bool) -> None:
    assert Area(52.52, 13.40, km).has(*place) is is_near


def test_the_other_side_of_the_date_line_is_near() -> None:
    assert Area(0, 179.9, 23).has(0, None, -179.9, None)
    assert not Area(0, 179.9, 22).has(0, None, -179.9, None)


@pytest.mark.parametrize(
    ("left", "operator", "right", "is_true"),
    [
        ("2.9", "<", "2.10", True),
        ("2.10", ">", "2.9.9", True),
        ("v2.0", "=", "2", True),
        ("2.10-beta", ">=", "2.10", True),
        (2.9, "<", "2.11", True),
        ("2.x", "!=", "2", False),
        (None, "!=", "2", False),
        (["1", "x", "3"], ">", "2", True),
        ("2.9", "in", ["2.10", "2.9.0"], True),
    ],
)
def test_versions_are_compared_number_by_number(left: Any, operator: str, right: Any, *, is_true: bool) -> None:
    assert COMPARE[operator](left, right) is is_true


def test_what_is_no_version_is_missing() -> None:
    assert as_version("latest") is None
    assert as_version(["latest", "2.1"]) == ["2.1"]
    assert as_version(["latest"]) is None
