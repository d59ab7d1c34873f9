"""Rows, ratios and validity of made-up runs."""

from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from tests.benchmarks.peers import comparison
from tests.benchmarks.peers.comparison import compare
from tests.benchmarks.peers.moments import Rules
from tests.benchmarks.peers.peer import Peer, PeerUnavailableError, Start
from tests.benchmarks.peers.running import Run
from tests.benchmarks.peers.verdict import Expected
from tests.benchmarks.report import Result
from tests.benchmarks.synthetic import Synthetic
from tests.support.kafka_jars import KafkaUnavailableError

#: Seconds and CPU seconds of a start, and of a thousand events behind it; what is wrong.
RUNS = {
    "Shoal, five rules": (1.0, 2.0, 1.0, 0.5, ""),
    "Shoal, six rules": (1.0, 2.0, 2.0, 1.0, ""),
    "slow": (9.0, 9.0, 20.0, 10.0, ""),
    "wrong": (1.0, 1.0, 2.0, 0.5, "1 missing (u1 buyers entered at 5)"),
    "silent": (0.0, 0.0, 0.0, 0.0, "it ended; its log ends with:\nno"),
}


def peer(name: str, rules: Rules = "windows") -> Peer:
    return Peer(name, "1.0", rules, rules == "all", ("at-least-once",), lambda start: [])


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Result:
    def measure(peer: Peer, start: Start, events: int, expected: Expected) -> Run:
        if peer.name == "absent":
            raise PeerUnavailableError("there is no such package")
        began_s, began_cpu_s, seconds, cpu_s, problem = RUNS[peer.name]
        thousands = events / 1_000
        return Run(events, began_s + seconds * thousands, began_cpu_s + cpu_s * thousands, problem)

    async def fill(load: Synthetic, settings: object) -> int:
        return load.events

    node = nullcontext()
    node.__dict__["bootstrap_servers"] = "127.0.0.1:9"
    monkeypatch.setattr(comparison, "KafkaNode", lambda folder, **options: node)
    monkeypatch.setattr(comparison, "fill", fill)
    monkeypatch.setattr(comparison, "make_topic", lambda bootstrap, topic: None)
    monkeypatch.setattr(comparison, "expected", lambda load, rules: Expected(Counter(), 0))
    monkeypatch.setattr(comparison, "measure", measure)
    return compare(Synthetic(100), [peer("slow"), peer("slow", "all"), peer("wrong"), peer("absent"), peer("silent")])


def test_each_is_compared_with_shoal_on_the_same_rules(compared: Result) -> None:
    columns = ("shoal_is_faster", "shoal_takes_less_cpu", "start_cpu_s")
    ratios = [(row["run"], *(pytest.approx(row[each]) for each in columns)) for row in compared.rows[:4]]
    assert ratios == [
        ("Shoal, five rules, exactly-once", 1, 1, 2),
        ("Shoal, six rules, exactly-once", 1, 1, 2),
        ("slow, at-least-once", 20, 20, 9),
        ("slow, at-least-once", 10, 10, 9),
    ]


def test_all_rows_have_the_same_columns_and_say_what_is_right(compared: Result) -> None:
    assert len({tuple(row) for row in compared.rows}) == 1
    assert [row["right"] for row in compared.rows] == [
        *("yes", "yes", "yes", "yes", "no", "not run: there is no such package", "no")
    ]


def test_who_is_wrong_makes_it_invalid_and_who_is_absent_does_not(compared: Result) -> None:
    assert "wrong, at-least-once: 1 missing" in compared.invalid
    assert "silent, at-least-once: it ended" in compared.invalid
    assert "absent" not in compared.invalid


def test_without_kafka_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(folder: object, **options: object) -> SimpleNamespace:
        raise KafkaUnavailableError("no java")

    monkeypatch.setattr(comparison, "KafkaNode", unavailable)
    assert compare(Synthetic(100), []).invalid == "not run: no java"
