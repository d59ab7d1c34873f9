"""Files of real events as records of the input topic."""

import gzip
import json
from pathlib import Path

import pytest

from app.errors import UserError
from app.runtime.kafka.partitioner import partition_of
from app.segments.evaluation.time_rules import TimeRules
from app.simulation.record import Homes, Record
from app.simulation.recording import Recording, check_files, lines_of
from app.simulation.source import FileSource
from app.simulation.wire import Delivery

RULES = TimeRules(disorder_ms=5_000)
START_MS = 1_470_034_812_000  # 2016-08-01T07:00:12Z


def line(user: str = "a-1", at: str = "2016-08-01T07:00:12.000Z", **more: object) -> bytes:
    return json.dumps({"type": "page", "anonymousId": user, "timestamp": at, **more}).encode()


def recording(*lines: bytes, partitions: int = 4) -> Recording:
    return Recording(lines, partitions=partitions, rules=RULES)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_partitions_are_those_of_javas_partitioner(key: bytes, hashed: int) -> None:
    for partitions in (1, 4, 24):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_a_delivery_without_a_key_goes_to_partition_0() -> None:
    assert Homes(4).record(Delivery(5, None, b"x", "broken")) == Record(0, None, b"x", 5)


def test_a_line_keeps_its_bytes_and_gets_its_user_and_its_own_time() -> None:
    records = list(recording(line(), line("a-2", "2016-08-01T07:00:13.5Z", userId="u-2")).records())
    assert records == [
        Record(partition_of(b"a-1", 4), b"a-1", line(), START_MS),
        Record(partition_of(b"u-2", 4), b"u-2", line("a-2", "2016-08-01T07:00:13.5Z", userId="u-2"), START_MS + 1_500),
    ]


def test_the_time_is_corrected_for_the_senders_clock() -> None:
    times = {
        "originalTimestamp": "2016-08-01T05:00:00.000Z",
        "sentAt": "2016-08-01T05:00:02.000Z",
        "receivedAt": "2016-08-01T07:00:14.000Z",
    }
    (record,) = recording(line(**times)).records()
    assert record.timestamp_ms == START_MS


def test_a_line_that_is_no_message_keeps_its_place_without_a_key() -> None:
    played = recording(b"{not json", line(), b'{"type": "page"}')
    records = list(played.records())
    assert [record.key for record in records] == [None, b"a-1", None]
    assert [record.partition for record in records][::2] == [0, 0]
    assert records[2].timestamp_ms == START_MS
    assert (played.count, played.unreadable) == (3, 2)


def test_the_end_marks_bring_each_clock_to_the_last_events_instant() -> None:
    played = recording(line(at="2016-08-01T07:00:14Z"), line(at="2016-08-01T07:00:12Z"), partitions=3)
    list(played.records())
    marks = played.end_marks()
    assert [mark.partition for mark in marks] == [0, 1, 2]
    assert {mark.timestamp_ms for mark in marks} == {START_MS + 2_000 + RULES.disorder_ms}
    assert json.loads(marks[0].value or b"") == {"type": "watermark", "timestamp": "2016-08-01T07:00:19.000Z"}


def test_an_event_from_the_future_moves_no_clock() -> None:
    played = recording(line(), line(at="2017-08-01T07:00:00Z", receivedAt="2016-08-01T07:00:12Z"))
    list(played.records())
    assert played.last_ms == START_MS


def test_nothing_readable_has_no_end() -> None:
    played = recording(b"x")
    list(played.records())
    assert played.end_marks() == []


def test_lines_of_plain_and_compressed_files_follow_each_other(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b"1\n\n  \n2")
    packed.write_bytes(gzip.compress(b"3\r\n4\n"))
    assert list(lines_of([plain, packed])) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.jsonl", None, "there is no file"),
        ("empty.jsonl", b"\n", "there is no message in"),
        ("text.gz", b"hello", "cannot read"),
    ],
)
def test_a_file_that_cannot_be_played_says_why(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        check_files([file])
    assert str(file) in str(caught.value)


def test_a_file_that_is_cut_off_says_so_at_its_end(tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(b"1\n" * 9)[:-9])
    with pytest.raises(UserError, match=r"cannot read .*cut\.jsonl\.gz"):
        list(lines_of([file]))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        check_files([tmp_path])


def test_a_played_file_ends_with_its_marks_and_starts_with_its_first_message(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join((b"oops", line(), line("a-2"))))
    source = FileSource([file], partitions=2, rules=RULES, speed=60, end_marks=True)
    pace = source.pace(100.0)
    assert pace is not None
    assert pace.due_s(START_MS) == 100.0
    assert [record.key for record in source.records()] == [None, b"a-1", b"a-2", b"watermark", b"watermark"]
    assert source.summary() == "3 lines, 1 of them no messages"
