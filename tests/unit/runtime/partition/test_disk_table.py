"""A table on disk is a mapping like any other; a partition with its profiles there says the same."""

import gc
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.errors import UserError
from app.runtime.partition.disk_table import DiskTables
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from tests.support.shop import DEFINITIONS, START_MS, history

POSITION = b"\xffposition"


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[DiskTables]:
    made = DiskTables(tmp_path / "profiles")
    yield made
    del made
    gc.collect()


def test_it_behaves_like_a_dict(tables: DiskTables) -> None:
    chance = random.Random(3)
    plain: dict[str, bytes] = {}
    table = tables.of_users()
    for number in range(3_000):
        user = f"u-{chance.randrange(200)}-é"
        match chance.randrange(5):
            case 0 | 1 | 2:
                plain[user] = table[user] = b"%d" % number
            case 3:
                assert table.pop(user, None) == plain.pop(user, None)
            case _:
                assert table.get(user) == plain.get(user)
                assert (user in table) == (user in plain)
        assert len(table) == len(plain)
    assert dict(table.items()) == plain
    assert sorted(table) == sorted(plain)
    assert sorted(table.values()) == sorted(plain.values())
    with pytest.raises(KeyError):
        table["nobody"]
    with pytest.raises(KeyError):
        del table["nobody"]


def test_an_earlier_value_of_an_erased_key_is_in_no_file(tables: DiskTables, tmp_path: Path) -> None:
    table, word = tables.of_users(), random.Random(5).randbytes(300)
    table["ann"], table["ben"] = word, b"1"
    table._database.flush()
    assert _on_disk(tmp_path, word)
    table["ann"] = b"erased"
    table.forget_older(["ann"])
    assert not _on_disk(tmp_path, word)
    assert dict(table) == {"ann": b"erased", "ben": b"1"}
    table.close()
    table.forget_older(["ann"])


def _on_disk(folder: Path, word: bytes) -> bool:
    return any(word in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_keys_may_be_bytes_that_are_no_text(tables: DiskTables) -> None:
    table = tables.of_keys()
    table[POSITION] = b"1"
    table[b"ann"] = b"2"
    assert table.pop(POSITION) == b"1"
    assert list(table.items()) == [(b"ann", b"2")]


def test_files_go_with_their_table_and_what_the_dead_left_goes_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    (folder / "4194305").mkdir(parents=True)  # beyond the highest process id
    (folder / "kept.txt").write_text("somebody else's")
    tables = DiskTables(folder)
    assert not (folder / "4194305").exists()
    assert (folder / "kept.txt").exists()
    (own,) = [path for path in folder.iterdir() if path.is_dir()]
    table, other = tables.of_users(), tables.of_users()
    table["ann"] = b"1"
    assert len(list(own.iterdir())) == 2
    del table
    gc.collect()
    assert len(list(own.iterdir())) == 1
    other.close()
    assert not list(own.iterdir())


def test_two_workers_of_one_process_do_not_touch_each_others_files(tmp_path: Path) -> None:
    first = DiskTables(tmp_path)
    table = first.of_users()
    table["ann"] = b"1"
    second = DiskTables(tmp_path)
    second.of_users()["ann"] = b"2"
    assert table["ann"] == b"1"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot keep profiles in"):
        DiskTables(tmp_path / "file")


def test_a_partition_with_its_profiles_on_disk_says_the_same(tables: DiskTables) -> None:
    rules = TimeRules()
    program = compile_catalog(load_catalog(DEFINITIONS), rules)
    records = [
        SimpleNamespace(offset=offset, timestamp=-1, key=key, value=value)
        for offset, (key, value, _) in enumerate(history(users=40, events=2_000))
    ]
    in_memory, on_disk = Partition(program, rules), Partition(program, rules, held=tables.of_users())
    for begin in range(0, len(records), 100):
        some = records[begin : begin + 100]
        one, other = in_memory.process(some), on_disk.process(some)
        assert [change.encode() for change in one.changes] == [change.encode() for change in other.changes]
        assert one.profiles == other.profiles
    late_ms = START_MS + 400 * 86_400_000 * 2  # all users are forgotten
    assert in_memory.advance(late_ms).profiles == on_disk.advance(late_ms).profiles
    assert in_memory.users == on_disk.users == 0
