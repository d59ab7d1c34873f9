"""Pauses between tries."""

import random

from app.runtime.pacing.back_off import BackOff, back_off_ms, spread_ms


def test_pauses_double_up_to_the_longest() -> None:
    assert [back_off_ms(n, first_ms=100, longest_ms=1_000) for n in range(1, 7)] == [100, 200, 400, 800, 1_000, 1_000]


def test_a_first_pause_beyond_the_longest_is_the_longest() -> None:
    assert back_off_ms(1, first_ms=5_000, longest_ms=1_000) == 1_000


def test_failures_without_end_neither_overflow_nor_take_memory() -> None:
    assert back_off_ms(10**9, first_ms=1_000, longest_ms=30 * 86_400_000) == 30 * 86_400_000


def test_only_failures_in_a_row_make_pauses_longer() -> None:
    back_off = BackOff(first_ms=50, longest_ms=1_000)
    assert [back_off.failed() for _ in range(3)] == [50, 100, 200]
    back_off.reset()
    assert back_off.failures == 0
    assert back_off.failed() == 50


def test_a_spread_pause_is_between_half_and_all_of_it_and_the_same_for_the_same_chance() -> None:
    pauses = [spread_ms(1_000, random.Random(seed)) for seed in range(200)]
    assert 500 <= min(pauses) < 550
    assert 950 < max(pauses) <= 1_000
    assert spread_ms(1_000, random.Random(7)) == spread_ms(1_000, random.Random(7))
