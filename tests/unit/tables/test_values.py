"""Values as they are remembered: exact, bounded, told apart as JSON does."""

import json
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.counted import LIST_SHORTENED, NO_NUMBER, NUMBER_OUT_OF_RANGE, TEXT_SHORTENED, Counted
from tables.values import (
    LIST_ITEMS_MAX,
    at_path,
    bounded_integer,
    from_micros,
    key_of,
    key_order,
    key_value,
    keys_of,
    micros,
    number_in,
    numbers_of,
    plain_number,
    remembered,
    remembered_bytes,
)

SCALARS = st.one_of(
    st.text(max_size=16), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False)
)


# ---- numbers


@pytest.mark.parametrize(
    ("number", "millionths"),
    [
        (1, 1_000_000),
        (0.1, 100_000),
        (0.0000005, 0),
        (0.0000015, 2),
        (-0.0000015, -2),
        (1e12, 10**18),
        (10**12, 10**18),
        (10**12 + 1, None),
        (-1e12 - 1, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_a_number_is_taken_as_whole_millionths_half_to_even(number: float, millionths: int | None) -> None:
    assert micros(number) == millionths


@pytest.mark.parametrize(("value", "number"), [(0, 0), (1_000_000, 1), (-1_500_000, -1.5), (1, 0.000001)])
def test_a_number_is_given_back_whole_where_it_is_whole(value: int, number: float) -> None:
    assert from_micros(value) == number
    assert type(from_micros(value)) is type(number)


def test_a_double_that_is_whole_is_a_whole_number() -> None:
    assert type(plain_number(2.0)) is int
    assert type(plain_number(2.5)) is float
    assert type(plain_number(1e300)) is float


def test_whole_numbers_beyond_64_bits_are_doubles_and_beyond_those_missing() -> None:
    assert bounded_integer(2**63 - 1) == 2**63 - 1
    assert bounded_integer(2**63) == float(2**63)
    assert type(bounded_integer(2**63)) is float
    assert bounded_integer(10**400) is None


def test_only_numbers_are_numbers_and_the_rest_is_counted() -> None:
    counted = Counted()
    assert numbers_of([1, "2x", True, 2.5, None, 1e13], counted) == [1_000_000, 2_500_000]
    assert counted == {NO_NUMBER: 2, NUMBER_OUT_OF_RANGE: 1}
    assert numbers_of(None, counted) == []
    assert numbers_of("x", counted) == []
    assert counted[NO_NUMBER] == 3


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("19.99", 19.99),
        ("2", 2),
        ("2.0", 2),
        ("-0", 0),
        ("-1.5e-3", -0.0015),
        ("1E3", 1000),
        ("9" * 30, int("9" * 30)),
        *((text, None) for text in ("", "-", "+2", "02", ".5", "5.", " 2", "2\n", "1_0", "0x1", "1e", "1 0", "\u0662")),
        *((text, None) for text in ("4,245.42", "$19.99", "1.234,56", "NaN", "Infinity", "true", "null", "1e400")),
        ("9" * 400, None),
        ("9" * 10_000, None),
    ],
)
def test_a_text_is_a_number_only_if_all_of_it_is_one_as_json_writes_it(text: str, number: float | None) -> None:
    assert number_in(text) == number
    assert type(number_in(text)) is type(number)


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_every_number_is_the_one_that_its_json_text_is(number: float) -> None:
    assert number_in(json.dumps(number)) == number
    counted = Counted()
    assert numbers_of(json.dumps(number), counted) == numbers_of(number, counted)


# ---- keys


@given(SCALARS)
def test_a_key_stands_for_its_value(value: Any) -> None:
    key = key_of(value, Counted())
    assert key is not None
    assert key_value(key) == value
    assert isinstance(key_value(key), bool) == isinstance(value, bool)
    assert isinstance(key_value(key), str) == isinstance(value, str)


@given(SCALARS, SCALARS)
def test_keys_are_equal_exactly_if_values_are_as_in_json(a: Any, b: Any) -> None:
    same = a == b and isinstance(a, bool) == isinstance(b, bool)
    assert (key_of(a, Counted()) == key_of(b, Counted())) == same


def test_a_number_and_a_boolean_are_not_the_text_that_looks_like_them() -> None:
    values: list[Any] = [1, "1", True, "true", 1.5, "1.5", "\x00true", "\x001"]
    assert len({key_of(value, Counted()) for value in values}) == len(values)
    assert key_of(1, Counted()) == key_of(1.0, Counted())


@pytest.mark.parametrize("value", [None, {}, {"a": 1}, []])
def test_what_is_no_scalar_has_no_key(value: Any) -> None:
    assert key_of(value, Counted()) is None


def test_keys_come_in_order_of_their_json_text_numbers_before_the_same_text() -> None:
    values = ["b", 10, "10", 9, True, "a", "ü", 2.5, "", "\x00odd"]
    keys = keys_of(values, Counted())
    assert [key_value(key) for key in keys] == ["", "\x00odd", 10, "10", 2.5, 9, "a", "b", True, "ü"]
    assert keys == sorted(keys, key=key_order)


def test_each_different_value_of_a_list_has_one_key() -> None:
    assert keys_of(["a", "b", "a", None, {}, 1, 1.0], Counted()) == ["\x001", "a", "b"]
    assert keys_of("a", Counted()) == ["a"]
    assert keys_of(None, Counted()) == []


# ---- state


def test_a_list_keeps_its_first_twenty_values_with_texts_of_64_bytes() -> None:
    counted = Counted()
    kept = remembered(["x" * 100, *range(30)], counted)
    assert len(kept) == LIST_ITEMS_MAX
    assert len(kept[0].encode()) == 64
    assert kept[1:] == list(range(19))
    assert counted == {TEXT_SHORTENED: 1, LIST_SHORTENED: 1}
    assert len(remembered("x" * 1_100, counted).encode()) == 1_024


@pytest.mark.parametrize("nothing", [None, [], [None], {}])
def test_what_is_no_value_is_not_remembered(nothing: Any) -> None:
    assert remembered(nothing, Counted()) is None


@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=25)))
def test_what_is_remembered_takes_no_more_bytes_than_it_is_said_to(value: Any) -> None:
    kept = remembered(value, Counted())
    if kept is not None:
        assert len(msgspec.msgpack.encode(kept)) <= remembered_bytes(kept)


# ---- paths


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a",), 1),
        (("b", "c"), 2),
        (("b",), None),
        (("missing",), None),
        (("a", "deeper"), None),
        (("items", "id"), ["x", "y", "z"]),
        (("items", "tags"), ["t", "u"]),
        (("items",), ["odd"]),
        (("list",), [1, "a", True]),
        (("empty",), None),
        (("none",), None),
    ],
)
def test_a_path_leads_to_a_scalar_or_to_each_value_of_a_list(path: tuple[str, ...], found: Any) -> None:
    value = {
        "a": 1,
        "b": {"c": 2},
        "items": [{"id": "x", "tags": ["t", "u"]}, {"id": ["y", "z"]}, "odd", {"id": None}, {"id": {}}],
        "list": [1, "a", True, None, {}, ["inner"]],
        "empty": [],
        "none": None,
    }
    assert at_path(value, path) == found


@pytest.mark.parametrize(
    ("number", "millionths"),
    [(1.0000005, 1_000_000), (1.0000015, 1_000_002), (-8.0000035, -8_000_004), (123456789012.3, 123456789012300000)],
)
def test_a_tie_beyond_the_sixth_place_is_rounded_half_to_even_as_written(number: float, millionths: int) -> None:
    assert micros(number) == millionths


@given(st.integers(-(10**12), 10**12))
def test_every_tie_is_rounded_as_its_decimal_text(half_millionths: int) -> None:
    number = float(f"{half_millionths * 5}e-7")
    assert micros(number) == round(Fraction(repr(number)) * 1_000_000)


@pytest.mark.parametrize(
    ("text", "millionths"),
    [
        (b"1.00000050000000000001", 1_000_000),  # above the tie as it is written, but no double is between the two
        (b"1.00000149999999999999", 1_000_002),
        (b"1.000000500000001", 1_000_001),  # seen by the double
        (b"123456789012.1234565", 123_456_789_012_123_460),
        (b"0.00000050000000000000000000000001", 0),
        (b"1.0000005e0", 1_000_000),
    ],
)
def test_digits_that_no_double_holds_do_not_count(text: bytes, millionths: int) -> None:
    assert micros(msgspec.json.decode(text)) == millionths
