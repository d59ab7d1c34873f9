"""The file of a snapshot: as it was written, or a clear error."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import UserError
from app.verification import snapshot_file
from app.verification.snapshot_file import FORMAT, MARK, Ends, Head, Place, Snapshot, Span, writing

TOPICS = ("clickstream", "shoal.profiles", "segment.changes", "shoal.journal")
PLACES = [
    Place(partition=0, offset=7, position=None, version=None, entries=(), journal_end=0),
    Place(partition=1, offset=0, position=None, version="v1", entries=(b"{}",), journal_end=4),
]
PROFILES = {0: [(b"ann", b"1"), (b"ben", b"22")], 1: []}
SPANS = (Span(1, 2), Span(3, 4))


def written(folder: Path, *, format_: int = FORMAT) -> Path:
    """A snapshot of two partitions."""
    path = folder / "a.snapshot"
    with writing(path, Head(format_, "shoal", 1_000, 2, TOPICS)) as writer:
        for place in PLACES:
            writer.add(place, PROFILES[place.partition])
        writer.finish(Ends(SPANS, SPANS))
    return path


def signed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


def test_it_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "PROFILES_A_BLOCK", 1)
    snapshot = Snapshot(written(tmp_path))
    assert snapshot.head == Head(FORMAT, "shoal", 1_000, 2, TOPICS)
    assert snapshot.places == PLACES
    assert snapshot.ends == Ends(SPANS, SPANS)
    assert {number: list(snapshot.profiles(number)) for number in (0, 1)} == PROFILES


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    assert written(tmp_path).stat().st_mode & 0o077 == 0


def test_a_failure_leaves_the_file_before_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    with suppress(OSError), writing(path, Head(FORMAT, "shoal", 2_000, 2, TOPICS)) as writer:
        writer.add(PLACES[0], PROFILES[0])
        raise OSError
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.snapshot", before)]


def test_every_byte_that_is_wrong_or_missing_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    for at in range(len(MARK), len(content)):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=r"a\.snapshot is damaged"):
                Snapshot(path)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"PAR1" * 20])
def test_another_file_is_no_snapshot(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no snapshot"):
        Snapshot(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the snapshot .*none: No such file"):
        Snapshot(tmp_path / "none")


def test_a_newer_format_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, format_=FORMAT + 1)
    with pytest.raises(UserError, match=f"has format {FORMAT + 1}, this version knows {FORMAT}"):
        Snapshot(path)


def test_a_right_checksum_over_nonsense_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.snapshot"
    for content in (MARK, MARK + b"\x00\x00\x00\x01\xc1", written(tmp_path).read_bytes()[:-60]):
        path.write_bytes(signed(content))
        with pytest.raises(UserError, match="is damaged"):
            Snapshot(path)
