"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.segments.language.durations import DURATION_MS_MAX, DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("90s", 90_000),
        ("30m", 1_800_000),
        ("24h", 86_400_000),
        ("7d", 604_800_000),
        ("1h30m", 5_400_000),
        ("29m59s", 1_799_000),
        ("1s500ms", 1_500),
        ("1d2h3m4s5ms", 93_784_005),
        ("3650d", DURATION_MS_MAX),
    ],
)
def test_a_duration_is_whole_milliseconds(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (86_400_000, "1d"),
        (5_400_000, "1h30m"),
        (1_799_000, "29m59s"),
        (1_500, "1s500ms"),
        (-90_000, "-1m30s"),
    ],
)
def test_the_one_spelling_has_the_largest_units_first(ms: int, text: str) -> None:
    assert format_duration(ms) == text


@given(st.integers(0, DURATION_MS_MAX))
def test_what_is_written_is_read(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("30 minutes", "write 30m"),
        ("30min", "write 30m"),
        ("1.5h", "write 1h30m"),
        ("1,5 h", "write 1h30m"),
        ("2 weeks", "write 14d"),
        ("1 hour and 30 minutes", "write 1h30m"),
        ("1h 30m", "write 1h30m"),
        ("PT30M", "write 30m"),
        ("P1D", "write 1d"),
        ("30m1h", "write 1h30m"),
        ("30m30m", "write 1h"),
        ("30", "a duration has a unit: 30s, 30m, 30h or 30d"),
        ("soon", "durations look like 90s, 30m, 24h, 7d, 1h30m"),
        ("", "durations look like 90s, 30m, 24h, 7d, 1h30m"),
        ("-5m", "durations look like 90s, 30m, 24h, 7d, 1h30m"),
        ("3651d", "the longest duration is 3650d"),
    ],
)
def test_a_wrong_duration_comes_with_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert caught.value.hint == hint


@given(st.text(max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    error = None
    try:
        assert 0 <= parse_duration(text) <= DURATION_MS_MAX
    except DurationError as raised:
        error = raised
    assert error is None or (error.message and error.hint)
