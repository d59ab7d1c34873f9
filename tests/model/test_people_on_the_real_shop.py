"""A month of a real shop in which visitors log in: a backtest says what a worker does."""

import pytest

from tests.model.people_of_the_shop import backtested, records, worked
from tests.model.sql_parity import shop

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not shop.FILE.exists(), reason=f"needs {shop.FILE.name} (TRUTH_DATA says where it is)"),
    pytest.mark.timeout(600),
]

ONE_IN = 10


@pytest.mark.parametrize("seed", [1])
def test_a_backtest_says_what_a_worker_does_whose_links_go_through_the_log(seed: int) -> None:
    offline, live = backtested(records(seed, one_in=ONE_IN)), worked(records(seed, one_in=ONE_IN))
    assert min(offline.results[result] for result in ("given", "empty", "lost", "released")) > 0, offline.results
    assert offline.results == live.results
    assert offline.accepted == live.accepted
    assert offline.moved == live.moved
    assert offline.changes == live.changes


def test_every_record_follows_from_the_seed() -> None:
    one, again, other = (list(records(seed, one_in=500)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
