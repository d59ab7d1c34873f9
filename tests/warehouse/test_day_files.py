"""Files of one partition: whatever is repeated, killed or overtaken, each record is one row."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from app.errors import UserError
from app.warehouse.export import PartitionExport
from app.warehouse.store import ConflictError, FolderStore, Store, Stored
from app.warehouse.tables import Table
from tests.warehouse.making import DAY_MS, START_MS, Record, change, settings_with
from tests.warehouse.reading import places, query, table_of

SEED = 20_261_128


class Killed(Exception):
    """Stands for the end of the process at a point."""


class Frail:
    """A store whose process dies at the `at`-th write: before it, halfway, or after it was done."""

    def __init__(self, store: FolderStore, root: Path, *, at: int, when: str) -> None:
        self._store, self._root, self._at, self._when = store, root, at, when
        self._writes = 0

    def read(self, path: str) -> Stored | None:
        return self._store.read(path)

    def last(self, folder: str, prefix: str) -> str | None:
        return self._store.last(folder, prefix)

    def files(self, folder: str) -> dict[str, str]:
        return self._store.files(folder)

    def write(self, path: str, data: bytes, *, replaces: str | None) -> str:
        self._die(path, data, "before")
        version = self._store.write(path, data, replaces=replaces)
        self._die(path, data, "after")
        return version

    def overwrite(self, path: str, data: bytes) -> None:
        self._die(path, data, "before")
        self._store.overwrite(path, data)
        self._die(path, data, "after")

    def _die(self, path: str, data: bytes, when: str) -> None:
        self._writes += when == "before"
        if self._writes != self._at:
            return
        if self._when == "halfway" and when == "before":
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f".{target.name}.part").write_bytes(data[: len(data) // 2])
            raise Killed
        if self._when == when:
            raise Killed


def exporter(store: Store, **others: object) -> PartitionExport:
    settings = settings_with(**others)
    return PartitionExport(store, table_of(settings, "changes"), 3, settings)


def export_rest(export: PartitionExport, log: list[Record], *, sizes: Iterator[int]) -> None:
    """Exports a log from the position to its end, in batches of any sizes."""
    begin = export.position() or 0
    while begin < len(log):
        end = min(len(log), begin + next(sizes))
        export.write(log[begin:end], end)
        begin = end


def sizes_of(chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randrange(1, 20)


@pytest.mark.parametrize("when", ["before", "halfway", "after"])
@pytest.mark.parametrize("file_bytes_max", [1, 1 << 20])
def test_a_kill_at_any_write_leaves_each_record_as_one_row(tmp_path: Path, when: str, file_bytes_max: int) -> None:
    log = [change(offset, START_MS + (offset * 7 % 3) * DAY_MS) for offset in range(30)]
    for at in range(1, 6):
        root = tmp_path / f"{at}"
        chance = random.Random(SEED + at)
        frail = Frail(FolderStore(root), root, at=at, when=when)
        with suppress(Killed):
            export_rest(exporter(frail, warehouse_file_bytes_max=file_bytes_max), log, sizes=sizes_of(chance))
        found = places(root, "changes")
        assert len(found) == len(set(found)), f"a row is there twice after the kill; seed {SEED}"
        export_rest(exporter(FolderStore(root), warehouse_file_bytes_max=file_bytes_max), log, sizes=sizes_of(chance))
        assert places(root, "changes") == [(3, offset) for offset in range(30)]


def test_a_lost_position_costs_time_and_repeats_nothing(tmp_path: Path) -> None:
    log = [change(offset, START_MS + offset % 2 * DAY_MS) for offset in range(40)]
    export_rest(exporter(FolderStore(tmp_path)), log, sizes=iter([7] * 9))
    (tmp_path / "_shoal/changes/p0003.json").unlink()
    export_rest(exporter(FolderStore(tmp_path)), log, sizes=iter([11] * 9))
    assert places(tmp_path, "changes") == [(3, offset) for offset in range(40)]


def test_an_owner_that_was_overtaken_cannot_write(tmp_path: Path) -> None:
    log = [change(offset) for offset in range(30)]
    old, new = exporter(FolderStore(tmp_path)), exporter(FolderStore(tmp_path))
    old.write(log[:10], 10)
    export_rest(new, log[:20], sizes=iter([10]))
    with pytest.raises(ConflictError):
        old.write(log[10:15], 15)
    again = exporter(FolderStore(tmp_path))
    export_rest(again, log, sizes=iter([30]))
    assert places(tmp_path, "changes") == [(3, offset) for offset in range(30)]


def test_two_owners_that_both_begin_a_file_make_one(tmp_path: Path) -> None:
    log = [change(offset) for offset in range(20)]
    old, new = exporter(FolderStore(tmp_path)), exporter(FolderStore(tmp_path))
    assert old.position() is None
    new.write(log, 20)
    old.write(log[:10], 10)  # looks at the files when it begins: nothing of it is new
    assert places(tmp_path, "changes") == [(3, offset) for offset in range(20)]


def test_a_file_grows_until_it_is_large_enough(tmp_path: Path) -> None:
    export = exporter(FolderStore(tmp_path))
    for offset in range(50):
        export.write([change(offset)], offset + 1)
    assert len(list(tmp_path.glob("changes/*/*.parquet"))) == 1
    small = exporter(FolderStore(tmp_path), warehouse_file_bytes_max=1)
    for offset in range(50, 53):
        small.write([change(offset)], offset + 1)
    assert len(list(tmp_path.glob("changes/*/*.parquet"))) == 4


def test_files_of_an_earlier_version_get_the_new_columns(tmp_path: Path) -> None:
    """A column that an earlier version did not know is null in its rows; one that it alone knew is kept."""
    settings = settings_with()
    table = table_of(settings, "changes")
    columns = {name: kind for name, kind in table.columns.items() if name != "valid_until"} | {"gone": "text"}

    def read(record: Record) -> dict[str, object]:
        return {**table.read(record), "gone": "kept"}

    earlier = Table(table.name, table.topic, columns, read)
    PartitionExport(FolderStore(tmp_path), earlier, 3, settings).write([change(0)], 1)
    valid = change(1, valid_until="2026-02-01T00:00:00.000Z")
    PartitionExport(FolderStore(tmp_path), table, 3, settings).write([valid], 2)
    found = query(f"SELECT kafka_offset, gone, valid_until::VARCHAR FROM '{tmp_path}/changes/*/*.parquet' ORDER BY ALL")
    assert found == [(0, "kept", None), (1, None, "2026-02-01 00:00:00+00")]


def test_a_file_with_a_column_of_another_type_is_left_as_it_is(tmp_path: Path) -> None:
    settings = settings_with()
    table = table_of(settings, "changes")
    columns = {**table.columns, "times": "text"}
    other = Table(table.name, table.topic, columns, lambda record: {**table.read(record), "times": "one"})
    PartitionExport(FolderStore(tmp_path), other, 3, settings).write([change(0)], 1)
    with pytest.raises(UserError, match="has other columns"):
        PartitionExport(FolderStore(tmp_path), table, 3, settings).write([change(1)], 2)
    assert places(tmp_path, "changes") == [(3, 0)]


def test_files_of_others_are_named_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "changes/date=2026-01-01"
    folder.mkdir(parents=True)
    foreign = folder / "p0003-9.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), foreign)
    with pytest.raises(UserError, match="is not a file of Shoal"):
        exporter(FolderStore(tmp_path)).write([change(0)], 1)
    foreign.write_bytes(b"PAR1")
    with pytest.raises(UserError, match="is not a file of Shoal"):
        exporter(FolderStore(tmp_path)).write([change(0)], 1)


def test_another_deployment_needs_another_place(tmp_path: Path) -> None:
    exporter(FolderStore(tmp_path)).write([change(0)], 1)
    with pytest.raises(UserError, match=r"holds records of the topic segment\.changes, not of other\.segment\.changes"):
        exporter(FolderStore(tmp_path), topic_prefix="other.").position()


def test_a_position_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    export = exporter(FolderStore(tmp_path))
    export.write([change(0)], 1)
    (tmp_path / "_shoal/changes/p0003.json").write_text("{")
    with pytest.raises(UserError, match="delete it"):
        export.position()


def test_settings_of_tables_are_checked() -> None:
    for text in ("changes,chnges", " ,"):
        with pytest.raises(UserError, match="table"):
            table_of(settings_with(warehouse_tables=text), "changes")
