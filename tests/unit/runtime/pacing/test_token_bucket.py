"""A token bucket: what goes through at a rate, with bursts and debts."""

import random

from app.runtime.pacing.token_bucket import TokenBucket


def test_it_fills_at_its_rate_and_not_beyond_its_size() -> None:
    bucket = TokenBucket(rate=10, size=20, tokens=20)
    bucket.take(20, now_s=0.0)
    assert bucket.wait_s(5, now_s=0.0) == 0.5
    assert bucket.wait_s(5, now_s=0.5) == 0
    assert bucket.wait_s(20, now_s=1_000.0) == 0
    bucket.take(20, now_s=1_000.0)
    assert bucket.wait_s(1, now_s=1_000.0) == 0.1


def test_a_debt_is_paid_before_anything_else() -> None:
    bucket = TokenBucket(rate=10, size=20, tokens=20)
    bucket.take(50, now_s=0.0)
    assert bucket.wait_s(1, now_s=0.0) == 3.1


def test_over_a_long_time_no_more_goes_through_than_the_rate_and_one_burst() -> None:
    chance = random.Random(7)
    bucket = TokenBucket(rate=5, size=10, tokens=10)
    now_s, taken = 0.0, 0
    while now_s < 1_000:
        wait_s = bucket.wait_s(1, now_s=now_s)
        if wait_s:
            now_s += wait_s
            continue
        bucket.take(1, now_s=now_s)
        taken += 1
        now_s += chance.random() / 10
    assert 0.95 * 5 * 1_000 <= taken <= 5 * 1_000 + 11
