"""`bucket('salt')`: the same number in every program, for whom buckets.json is too."""

import json
from pathlib import Path

import pytest

from app.segments.evaluation.bucket import bucket

CASES = json.loads(Path(__file__).with_name("buckets.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['salt'][:9]}-{case['user'][:9]}")
def test_the_bucket_is_that_of_the_shared_cases(case: dict[str, str | float]) -> None:
    assert bucket(str(case["salt"]), str(case["user"])) == case["bucket"]


def test_a_tenth_of_the_users_is_below_10() -> None:
    below = sum(bucket("spring", f"u-{number}") < 10 for number in range(20_000))
    assert below == pytest.approx(2_000, rel=0.05)


def test_another_salt_divides_the_users_in_another_way() -> None:
    users = [f"u-{number}" for number in range(20_000)]
    both = sum(bucket("spring", user) < 10 and bucket("summer", user) < 10 for user in users)
    assert both == pytest.approx(200, rel=0.25)
