"""Keys that are not where they belong are noticed."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.runtime.kafka.key_sample import KeySample
from tests.support.partitions import partition_of

PARTITIONS = 4
KEYS = [f"u-{number}".encode() for number in range(50)]


def records(*keys: bytes | None) -> list[Any]:
    return [SimpleNamespace(key=key, value=b"{}") for key in keys]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_at_home_where_java_puts_it_and_nowhere_else(key: bytes) -> None:
    home = partition_of(key, PARTITIONS)
    for partition in range(PARTITIONS):
        sample = KeySample(partition, PARTITIONS)
        assert sample.look(records(key, b"another")) == (None if partition == home else home)
        assert sample.misplaced == (partition != home)


def test_what_has_no_key_says_nothing() -> None:
    sample = KeySample(0, PARTITIONS)
    assert sample.look([]) is None
    assert sample.look(records(None)) is None


@pytest.mark.parametrize(
    ("value", "misplaced"),
    [
        (b'{"type":"watermark","timestamp":"2026-01-05T00:00:00Z"}', False),
        (b'{"type":"track"}', True),
        (b'{"type":', True),
        (b'{"type":7}', True),
        (None, True),
    ],
)
def test_a_mark_that_moves_the_clock_says_nothing_whatever_its_key_is(value: bytes | None, misplaced: bool) -> None:
    key = next(key for key in KEYS if partition_of(key, PARTITIONS) != 0)
    sample = KeySample(0, PARTITIONS)
    assert (sample.look([SimpleNamespace(key=key, value=value)]) is not None) == misplaced
