"""A writer with several errors reports the decisive one: above all that it is fenced."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced, RequestTimedOutError, for_code
from aiokafka.structs import TopicPartition

from app.runtime.delivery.delivery import Commit, FencedError, TopicRows
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.settings import load_settings


def of_code(code: int) -> Exception:
    """The error that aiokafka makes of a broker's answer."""
    found: Exception = for_code(code)()
    return found


class Failing(LogWriter):
    """Each topic's batches fail with the next of some errors; None: all is well."""

    def __init__(self, *errors: Exception | None) -> None:
        super().__init__(load_settings({}), partition=0)
        self.errors = list(errors)
        self._producer: Any = self

    async def _find_leaders(self, wanted: set[TopicPartition]) -> None:
        """All are known."""

    async def begin_transaction(self) -> None:
        """Of the producer."""

    async def commit_transaction(self) -> None:
        """Of the producer."""

    async def _append(self, tp: TopicPartition, rows: Iterable[Row], futures: list[Any]) -> None:
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        futures.append((sent, 1))
        error = self.errors.pop(0)
        if error is None:
            sent.set_result(type("Metadata", (), {"topic": tp.topic, "offset": 4}))
        else:
            sent.set_exception(error)


ROWS: list[TopicRows] = [
    (topic, [(b"u", b"v", [])]) for topic in ("segment.changes", "shoal.journal", "shoal.profiles")
]


@pytest.mark.parametrize("fenced", [ProducerFenced(), InvalidProducerEpoch()], ids=["fenced", "epoch"])
async def test_being_fenced_goes_before_what_failed_first(fenced: Exception) -> None:
    with pytest.raises(type(fenced)) as raised:
        await Failing(RequestTimedOutError(), None, fenced).write(ROWS)
    assert raised.value is fenced
    commit = Commit(next_offset=1, announced=[], changes=ROWS)
    with pytest.raises(FencedError):
        await ExactlyOnce(Failing(RequestTimedOutError(), fenced, None), changelog="shoal.profiles").commit(commit)


async def test_else_the_first_error_is_told() -> None:
    with pytest.raises(RequestTimedOutError):
        await Failing(None, RequestTimedOutError(), of_code(7)).write(ROWS)


async def test_without_errors_the_ends_are_known() -> None:
    writer = Failing(None, None, None)
    await writer.write(ROWS)
    assert writer.ends == {"segment.changes": 5, "shoal.journal": 5, "shoal.profiles": 5}
