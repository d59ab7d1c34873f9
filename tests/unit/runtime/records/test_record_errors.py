"""Errors that may condemn a record, and errors that never do."""

import asyncio

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError

from app.runtime.records.record_errors import is_caused_by_record

PASSING = (
    MemoryError(),
    OSError(24, "Too many open files"),
    ConnectionResetError(),
    TimeoutError(),
    RecursionError("maximum recursion depth exceeded"),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
    ImportError("no module"),
    SystemError("error return without exception set"),
    KafkaConnectionError(),
    Exception("IO error: While open a file: Too many open files"),
)
"""The last one is what RocksDB raises."""


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_the_machine_or_the_broker_brings_about_never_condemns(error: BaseException) -> None:
    assert not is_caused_by_record(error)


@pytest.mark.parametrize("error", PASSING[:5], ids=repr)
def test_nor_does_what_was_raised_because_of_it(error: Exception) -> None:
    raised = ValueError("no value")
    raised.__context__ = error
    assert not is_caused_by_record(raised)


@pytest.mark.parametrize(
    "error",
    [KeyError("price"), ValueError("no"), ZeroDivisionError(), RuntimeError("cannot"), msgspec.ValidationError("no")],
    ids=repr,
)
def test_what_code_raises_for_a_record_may(error: Exception) -> None:
    assert is_caused_by_record(error)
