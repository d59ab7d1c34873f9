"""Files of benchmarks can be read again, and describe the events that were sent."""

import re
from pathlib import Path

import pytest

from tests.benchmarks.events import Workload
from tests.benchmarks.figures import read_figures
from tests.benchmarks.latency import DRAINED, drain_rate
from tests.benchmarks.meter import latency_columns
from tests.benchmarks.report import Result, write

ROWS = [{"run": DRAINED, "events_a_s": 45_000.0, "changes": 7, "equal": "yes"}]


def result(invalid: str = "") -> Result:
    """Of a drain."""
    return Result("drain", "a simulated shop", 1, 100, 1.5, ROWS, invalid)


def test_what_is_written_is_what_shoal_bench_reads(tmp_path: Path) -> None:
    path, figures = read_figures(write(result(), tmp_path))["drain"]
    assert path == tmp_path / "drain.json"
    assert figures.rows == ROWS
    assert figures.calibration_us == 1.5
    assert figures.interpreter_us > 0
    assert figures.machine["cores"]
    assert figures.versions["python"]


def test_without_kafka_what_needs_one_is_invalid() -> None:
    without = Result.on_kafka("latency", "a simulated shop", 1, 100, 1.5, [])
    assert "no Kafka" in without.invalid
    assert without.rows == [{"run": "none"}]
    assert Result.on_kafka("latency", "", 1, 100, 1.5, ROWS, ["too late", "wrong"]).invalid == "too late; wrong"


@pytest.mark.parametrize(("invalid", "rate"), [("", 45_000.0), ("a change is missing", None)])
def test_latency_takes_its_rates_from_a_drain_that_counts(invalid: str, rate: float | None, tmp_path: Path) -> None:
    write(result(invalid), tmp_path)
    assert drain_rate(tmp_path) == rate


def test_without_a_drain_there_is_no_rate(tmp_path: Path) -> None:
    assert drain_rate(tmp_path) is None


def test_repeated_events_are_of_other_users_and_have_ids_of_their_own() -> None:
    lines = list(Workload(1, 50).repeated(120))
    ids = [found[1] for line in lines if (found := re.search(rb'"messageId":"([^"]+)"', line))]
    users = [set(re.findall(rb'"(?:userId|anonymousId)":"([^"]+)"', line)) for line in lines]
    assert len(lines) == len(set(ids)) == 120
    assert not set.union(*users[:50]) & set.union(*users[50:100])


def test_events_of_several_shops_are_in_order_of_time_and_of_other_users() -> None:
    lines = list(Workload(1, 50).of_shops(3))
    ids = [found[1] for line in lines if (found := re.search(rb'"messageId":"([^"]+)"', line))]
    assert len(set(ids)) == len(lines) == 150
    assert lines[::3] == list(Workload(1, 50).lines())
    users = [set(re.findall(rb'"(?:userId|anonymousId)":"([^"]+)"', line)) for line in lines]
    assert not set.union(*users[::3]) & set.union(*users[1::3])


def test_percentiles_are_in_milliseconds() -> None:
    columns = latency_columns(number / 1000 for number in range(1_000))
    assert columns == {"changes": 1_000, "p50_ms": 500.0, "p99_ms": 990.0, "p99_9_ms": 999.0, "max_ms": 999.0}
    assert latency_columns([])["changes"] == 0
