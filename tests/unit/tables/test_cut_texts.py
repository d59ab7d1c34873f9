"""Texts that are too long to be remembered whole: cut, told apart, and equal to the whole ones."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tables import cart
from tables.counted import TEXT_SHORTENED, Counted
from tables.cut_texts import (
    BYTES_LEFT_MIN,
    TEXT_BYTES_SURE_MAX,
    beginning_of,
    bounded_text,
    known_as,
    same_text,
    what_is_left,
)
from tables.running_tally import RunningTally
from tables.tallies import Distinct, Tally
from tables.values import MICROS, key_of, keys_of

LIMITS = (64, 256, 1024)
TEXTS = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=8), st.integers(1, 600))


@pytest.mark.parametrize("text", ["a" * 64, "ü" * 32, "😀" * 16, ""])
def test_a_text_that_fits_is_kept_as_it_is(text: str) -> None:
    counted = Counted()
    assert bounded_text(text, counted, bytes_max=64) == text
    assert not counted


@pytest.mark.parametrize("text", ["a" * 65, "ü" * 33, "a" + "😀" * 16, "x" * 10_000])
def test_a_longer_text_is_cut_at_a_whole_character_and_counted(text: str) -> None:
    counted = Counted()
    short = bounded_text(text, counted, bytes_max=64)
    beginning, _, digits = short.partition("…")
    assert 64 - 3 <= len(short.encode()) <= 64
    assert text.startswith(beginning)
    assert len(digits) == 16
    assert counted == {TEXT_SHORTENED: 1}


def test_different_long_texts_stay_different() -> None:
    assert key_of("x" * 300 + "a", Counted()) != key_of("x" * 300 + "b", Counted())
    assert key_of("x" * 300, Counted()) == key_of("x" * 300, Counted())


def test_a_text_with_half_a_character_is_cut_as_well() -> None:
    assert len(bounded_text("\ud800" * 100, Counted(), bytes_max=64).encode(errors="replace")) <= 64


@given(TEXTS, st.sampled_from(LIMITS))
@example("é" * 600, 1024)
@example("a😀" * 300, 256)
def test_what_is_left_of_a_text_is_known_as_such_and_equals_it(text: str, bytes_max: int) -> None:
    left = bounded_text(text, Counted(), bytes_max=bytes_max)
    beginning = beginning_of(left)
    assert same_text(left, text)
    assert same_text(text, left)
    assert not same_text(left, text + "x")
    if left == text:
        assert beginning is None
    else:
        assert beginning is not None
        assert text.startswith(beginning)
        assert len(beginning.encode()) >= BYTES_LEFT_MIN
        assert len(left.encode()) > TEXT_BYTES_SURE_MAX
        assert what_is_left(left) == beginning


@given(TEXTS, st.sampled_from(LIMITS), st.sampled_from(LIMITS))
def test_what_is_left_by_two_limits_is_equal(text: str, one: int, other: int) -> None:
    assert same_text(*(bounded_text(text, Counted(), bytes_max=bytes_max) for bytes_max in (one, other)))


@given(TEXTS)
def test_a_key_that_an_earlier_version_cut_goes_on_under_its_form(text: str) -> None:
    former, key = key_of(text, Counted(), bytes_max=64), key_of(text, Counted())
    assert former is not None
    assert key is not None
    assert known_as(key, {former: 1}) == former
    assert known_as(key, {former: 1, key: 1}) == key
    assert known_as(key, {"other": 1}) == key


LONG = "u" * 300
FORMER = bounded_text(LONG, Counted(), bytes_max=64)


def test_what_was_remembered_under_a_shorter_form_is_not_counted_twice() -> None:
    counted = Counted()
    (key,) = keys_of(LONG, counted)
    assert Distinct(None, counted).add({FORMER: 5}, 9, [key], 9) == {FORMER: 9}
    assert RunningTally(counted).add({FORMER: [2, 5]}, 9, [key], 9) == {FORMER: [3, 9]}
    tally = Tally(100, 2, counted)
    state = tally.add([[5, 8], [0, 1], [FORMER, "other"]], 6, [key], 9)
    assert state == [[5, 6, 8], [0, 0, 1], [FORMER, "other"]]
    assert tally.decides(state, 6, [key])
    full = cart.add([{FORMER: [MICROS, 0, 5, 1]}, -1, 5, 1], 9, key, MICROS, None, counted, kept_ms=0)
    assert full is not None
    assert cart.products(full) == [FORMER]
    assert cart.quantity(full) == 2
    assert cart.products(cart.remove(full, 9, key, None, kept_ms=0)) == []


@given(st.text())
def test_a_whole_text_is_all_of_it(text: str) -> None:
    assert what_is_left(text) == text
    assert not same_text(text, text + "x")


@pytest.mark.parametrize(
    "text",
    [
        "and so on…0123456789abcdef",
        "x" * 47 + "…0123456789abcdeg",
        "x" * 47 + "...0123456789abcdef",
        "x" * 60 + "…0123456789abcdef",
    ],
)
def test_an_ellipsis_does_not_make_a_cut_text(text: str) -> None:
    assert beginning_of(text) is None
