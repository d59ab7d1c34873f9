"""Items of lists in an event."""

from typing import Any

import pytest

from app.segments.evaluation.items import any_item, by_item, count, items_at
from app.segments.language import canonical, parse_expression
from app.segments.language.syntax import Aggregate, Arithmetic


@pytest.mark.parametrize(
    ("value", "path", "items"),
    [
        ([1, None, "a", {}], (), [1, "a", {}]),
        ([], (), []),
        (None, (), None),
        ({"a": 1}, (), [{"a": 1}]),
        (False, (), [False]),
        ([[1], 2], (), [[1], 2]),
        ({"a": {"b": [1, 2]}}, ("a", "b"), [1, 2]),
        ([{"a": [1]}, {"a": 2}, {"b": 3}, 4], ("a",), [1, 2]),
        ([{"a": None}, {}], ("a",), None),
        ([{"a": []}], ("a",), []),
        ("a", ("a",), None),
    ],
)
def test_the_items_at_a_path_are_those_of_all_its_lists(value: Any, path: tuple[str, ...], items: list[Any]) -> None:
    assert items_at(value, path) == items


def test_a_list_that_is_empty_has_no_items_and_one_that_is_missing_has_no_number() -> None:
    assert count([]) == 0
    assert count(None) is None


def test_what_is_no_object_satisfies_nothing() -> None:
    assert not any_item(["a", [], 1], lambda _: True)
    assert any_item(["a", {}], lambda _: True)


@pytest.mark.parametrize(
    ("of", "listed", "inner"),
    [
        ("products.price * products.quantity", ("products",), "price * quantity"),
        ("a.b.c - a.b.d", ("a", "b"), "c - d"),
        ("a.b.c - a.d", ("a",), "b.c - d"),
        ("price * products.quantity", (), "price * products.quantity"),
        ("products.price * 2", ("products",), "price * 2"),
        ("a.b - a", (), "a.b - a"),
    ],
)
def test_arithmetic_is_about_the_innermost_list_in_common(of: str, listed: tuple[str, ...], inner: str) -> None:
    node = parse_expression(f"sum({of} of 'A')")
    assert isinstance(node, Aggregate)
    assert isinstance(node.of, Arithmetic)
    path, arithmetic = by_item(node.of)
    assert (path, canonical.text(arithmetic)) == (listed, inner)
