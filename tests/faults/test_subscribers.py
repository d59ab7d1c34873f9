"""The subscribers of the examples: worker and subscriber killed in between, every change is handled once, in order."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.deployment import Deployment, visits
from tests.faults.subscription import CLIENTS, EXAMPLES, Subscription
from tests.faults.verdict import compare_changes, problems_of

EVENTS = 1_500
SEGMENT = "cart-abandoned"


@pytest.fixture(params=[CLIENTS[0], pytest.param(CLIENTS[1], marks=pytest.mark.faults)])
def client_on_kafka(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[CLIENTS[1], pytest.param(CLIENTS[0], marks=pytest.mark.faults)])
def client_on_embedded(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def read_through_deaths(deployment: Deployment, client: str, folder: Path) -> None:
    """A worker and two subscribers, each killed half-way."""
    records = visits(EVENTS, seed=11)
    whole = Subscription(deployment, client=client, folder=folder)
    single = Subscription(deployment, client=client, folder=folder, segment=SEGMENT)
    static = deployment.broker.transactions
    deployment.start("first", static=static)
    try:
        whole.start()
        single.start()
        await deployment.send(records[: EVENTS // 2])
        await whole.until_handled(50)
        whole.kill()
        deployment.kill("first")
        whole.start()
        deployment.start("first", static=static)
        await deployment.send(records[EVENTS // 2 :])
        await single.until_handled(10)
        single.kill()
        single.start()
        result = await compare_changes(deployment)
        assert problems_of(result, repeats=not deployment.broker.transactions) == []
        deployment.end("first")  # time advances there, so changes continue
        for each in (whole, single):
            written = await each.written()
            await each.until_handled(sum(map(len, written.values())))
            assert each.handled() == written
            assert each.gaps() == []
    finally:
        whole.kill()
        single.kill()


@pytest.mark.long
async def test_on_kafka_each_change_is_handled_once(on_kafka: Deployment, client_on_kafka: str, tmp_path: Path) -> None:
    await read_through_deaths(on_kafka, client_on_kafka, tmp_path)


@pytest.mark.long
async def test_on_the_embedded_broker_each_change_is_handled_once(
    on_embedded: Deployment, client_on_embedded: str, tmp_path: Path
) -> None:
    await read_through_deaths(on_embedded, client_on_embedded, tmp_path)


# ---- the ledger alone


@pytest.fixture
def module() -> Any:
    """The examples' ledger, which is no package of ours."""
    spec = importlib.util.spec_from_file_location("ledger", EXAMPLES / "ledger.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def new_ledger(module: Any, tmp_path: Path) -> Callable[..., Any]:
    def made(**given: Any) -> Any:
        return module.Ledger(tmp_path / "ledger.sqlite", **given)

    return made


def change(sequence: int, kind: str = "entered", *, times: int = 1, user: str = "ann") -> bytes:
    said = {"id": f"{user}-{sequence}", "user": user, "sequence": sequence, "change": kind, "times": times}
    return json.dumps(said).encode()


def test_a_gap_in_the_sequence_is_noticed(new_ledger: Callable[..., Any]) -> None:
    ledger = new_ledger()
    assert ledger.take("t", 0, [(0, change(5)), (1, change(6)), (2, change(1, user="bob"))]) == []
    assert ledger.take("t", 0, [(3, change(8)), (4, change(9)), (5, change(2, user="bob"))]) == [
        "ann: sequence 8 follows 6"
    ]


def test_a_gap_in_the_topic_of_one_segment_is_noticed(new_ledger: Callable[..., Any]) -> None:
    ledger = new_ledger(one_segment=True)
    told = [
        ledger.take("t", 0, [(offset, value)])
        for offset, value in enumerate(
            [
                change(5),
                change(9, "updated"),
                change(11, "exited"),
                change(20, times=2),
                change(30, times=3),
                change(31, "exited", times=3),
                change(40, "exited", times=4),
            ]
        )
    ]
    assert told == [[], [], [], [], ["ann: entered 3 follows entered 2"], [], ["ann: exited 4 follows exited 3"]]


def test_a_user_who_was_forgotten_and_comes_back_is_no_gap(new_ledger: Callable[..., Any]) -> None:
    ledger = new_ledger()
    assert ledger.take("t", 0, [(0, change(1_700_000_000_000)), (1, change(1_767_225_600_000))]) == []


def test_what_comes_again_is_handled_once(new_ledger: Callable[..., Any]) -> None:
    ledger = new_ledger()
    ledger.take("t", 0, [(0, change(5)), (1, change(6))])
    assert ledger.take("t", 0, [(2, change(5)), (3, change(6)), (4, change(7))]) == []
    assert ledger.position("t", 0) == 5


def test_records_that_somebody_else_has_handled_are_refused_whole(new_ledger: Callable[..., Any], module: Any) -> None:
    ledger, other = new_ledger(), new_ledger()
    assert ledger.position("t", 0) is None
    other.take("t", 0, [(0, change(5)), (1, change(6))])
    with pytest.raises(module.MovedError):
        ledger.take("t", 0, [(0, change(5)), (1, change(6)), (2, change(7))])
    assert ledger.position("t", 0) == 2
    ledger.take("t", 0, [(2, change(7)), (9, change(8))])
    assert other.position("t", 0) == 10


def test_a_batch_that_fails_leaves_nothing_behind(new_ledger: Callable[..., Any]) -> None:
    ledger = new_ledger()
    ledger.take("t", 0, [(0, change(5))])
    with pytest.raises(json.JSONDecodeError):
        ledger.take("t", 0, [(1, change(6)), (2, b"{")])
    assert ledger.position("t", 0) == 1
    assert ledger.take("t", 0, [(1, change(6))]) == []
