"""Record batches are those that aiokafka would have built, to the byte; but where it would make them longer."""

import shutil
from typing import Any, get_args

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.kafka import record_batch
from app.runtime.kafka.record_batch import RecordBatches, Row
from app.settings import Compression

NOW_MS = 1_795_430_000_017
PRODUCER = (4_000, 3, 17)
BYTES_MAX = 16_384

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: the module is not built")

texts = st.none() | st.binary(max_size=200) | st.sampled_from([b"\x00" * 63, b"a" * 64, b"b" * 8_191, b"c" * 8_192])
headers = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=100) | st.just(b"d" * 64)), max_size=70)
row_lists = st.lists(st.tuples(texts, texts, headers), min_size=1, max_size=80)


def test_it_was_built() -> None:
    assert record_batch.BUILT


def built(rows: list[Row], *, encoded: bool, **settings: Any) -> list[tuple[int, bytes]]:
    """Each batch of these rows, with how many of them it holds."""
    batches = RecordBatches(bytes_max=BYTES_MAX, encoded=encoded, **settings)
    found: list[tuple[int, bytes]] = []
    first = 0
    while first < len(rows):
        batch = batches.batch(rows, first, now_ms=NOW_MS)
        batch.close()
        batch._set_producer_state(*PRODUCER)
        found.append((batch.record_count(), bytes(batch._build())))
        assert batch.size() == len(found[-1][1])
        assert batch._build() == found[-1][1]
        first += batch.record_count()
    return found


@given(row_lists, st.sampled_from(get_args(Compression)), st.booleans())
def test_it_is_what_aiokafka_builds(rows: list[Row], compression: Compression, transactional: bool) -> None:
    ours, theirs = (
        built(rows, encoded=encoded, compression=compression, transactional=transactional) for encoded in (True, False)
    )
    for (_, our), (_, their) in zip(ours, theirs, strict=True):
        shorter = len(our) < len(their)  # data that compression makes longer is not compressed
        assert shorter or our == their or compression == "gzip"  # gzip contains its creation time
    assert read(ours) == read(theirs) == rows


def read(batches: list[tuple[int, bytes]]) -> list[Row]:
    """The rows again; every batch's checksum and times are looked at."""
    rows: list[Row] = []
    for count, data in batches:
        batch = MemoryRecords(data).next_batch()
        assert batch.validate_crc()
        records = list(batch)
        assert [record.offset for record in records] == list(range(count))
        assert {record.timestamp for record in records} == {NOW_MS}
        rows += [(record.key, record.value, list(record.headers)) for record in records]
    return rows


def test_a_row_larger_than_a_batch_is_a_batch_of_its_own() -> None:
    rows: list[Row] = [(b"u", b"v", []), (b"u", b"w" * BYTES_MAX, []), (b"u", b"x", [])]
    assert [count for count, _ in built(rows, encoded=True, compression="none", transactional=False)] == [1, 1, 1]


def test_many_rows_fill_batches() -> None:
    rows: list[Row] = [(b"user", bytes(100), [("name", b"value")])] * 1_000
    ours, theirs = (built(rows, encoded=encoded, compression="snappy", transactional=True) for encoded in (True, False))
    assert ours == theirs
    assert len(ours) == 8


@pytest.mark.parametrize(
    "row",
    [
        None,
        (b"u", b"v"),
        ("u", b"v", []),
        (b"u", 1, []),
        (b"u", b"v", None),
        (b"u", b"v", [None]),
        (b"u", b"v", [("name",)]),
        (b"u", b"v", [(b"name", b"value")]),
        (b"u", b"v", [("name", "value")]),
        (b"u", b"v", [("\ud800", b"value")]),
    ],
)
def test_what_is_no_row_is_refused(row: Any) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)):
        built([(b"u", b"v", []), row], encoded=True, compression="none", transactional=False)
