"""Conditions over columns of rows hold as the engine says."""

import numpy as np
import pytest

from app.errors import UserError
from app.learning.conditions import holds
from app.segments.language.parser import parse_expression

NAN = float("nan")
COLUMNS = {
    "count('A' within 7d)": np.array([0.0, 1, 2, 3]),
    "avg(x of 'B' within 7d)": np.array([NAN, 1, -2.5, 3]),
    "exists('C')": np.array([0.0, 1, NAN, 1]),
    "cart.idle": np.array([NAN, 1_000, 60_000, 3_600_000.0]),
}


@pytest.mark.parametrize(
    ("condition", "truths"),
    [
        ("count('A' within 7d) > 1", [0, 0, 1, 1]),
        ("count('A' within 168h) >= 2", [0, 0, 1, 1]),
        ("1 = count('A' within 7d)", [0, 1, 0, 0]),
        ("count('A' within 7d) != 1", [1, 0, 1, 1]),
        ("avg(x of 'B' within 7d) <= 1", [0, 1, 1, 0]),
        ("not (avg(x of 'B' within 7d) <= 1)", [1, 0, 0, 1]),
        ("avg(x of 'B' within 7d) != 1", [0, 0, 1, 1]),
        ("(avg(x of 'B' within 7d)) is missing", [1, 0, 0, 0]),
        ("(avg(x of 'B' within 7d)) is known and (exists('C'))", [0, 1, 0, 1]),
        ("not (exists('C')) or count('A' within 7d) < 1", [1, 0, 1, 0]),
        ("count('A' within 7d) + 1 > avg(x of 'B' within 7d) * 2", [0, 0, 1, 0]),
        ("count('A' within 7d) / count('A' within 7d) = 1", [0, 1, 1, 1]),
        ("cart.idle >= 1m", [0, 0, 1, 1]),
        ("true", [1, 1, 1, 1]),
        ("false", [0, 0, 0, 0]),
    ],
)
def test_a_condition_holds_for_rows(condition: str, truths: list[int]) -> None:
    assert holds(parse_expression(condition), COLUMNS, where="s").tolist() == [bool(each) for each in truths]


@pytest.mark.parametrize(
    "condition", ["count('A' within 1d) > 1", "traits.plan = 'gold'", "exists('D')", "count('A' within 7d) in [1, 2]"]
)
def test_what_is_no_column_is_told(condition: str) -> None:
    with pytest.raises(UserError, match=r"^s asks for .*no column"):
        holds(parse_expression(condition), COLUMNS, where="s")
