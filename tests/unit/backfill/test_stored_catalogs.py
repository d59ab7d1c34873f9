"""The catalog of a partition counts only where the partition has users."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

from app.backfill.stored_catalogs import stored_catalogs
from app.runtime.records.envelope import POSITION_KEY, Reached, StoredPosition, encode_position, encode_profile
from app.segments.partition.position import CATALOG_KEY, CatalogEntry, write_catalog_entry

KEY = CATALOG_KEY.encode()


def stored(number: int, profile: bytes | None) -> bytes:
    return encode_profile(Reached(number, 0), [], profile)


def catalog(number: int, version: str) -> tuple[bytes, bytes]:
    return KEY, stored(number, write_catalog_entry(CatalogEntry(1, number, version, 0, {}, {}, 0)))


LOGS: dict[int, list[tuple[bytes, bytes | None]]] = {
    0: [catalog(1, "older"), (b"u", stored(1, b"p")), catalog(2, "newer")],
    1: [catalog(1, "older"), (b"u", stored(1, b"p")), (b"u", stored(2, None))],
    2: [catalog(1, "older"), (b"u", stored(1, b"p")), (b"u", None), (b"v", stored(3, b"p"))],
    3: [catalog(2, "newer"), catalog(1, "of a worker that was late"), (b"u", stored(1, b"p"))],
    4: [(POSITION_KEY, encode_position(StoredPosition(Reached(0, 0), -1, -1, 0, b"")))],
}


class Logs:
    """The profiles of a deployment, one record at a time."""

    partitions = len(LOGS)
    topics = SimpleNamespace(profiles="profiles")

    async def read(self, _: str, partition: int) -> AsyncIterator[list[Any]]:
        for key, value in LOGS[partition]:
            yield [SimpleNamespace(key=key, value=value)]


async def test_a_partition_that_has_forgotten_its_users_has_no_catalog() -> None:
    found = await stored_catalogs(cast(Any, Logs()))
    assert {number: entry.version for number, entry in found.items()} == {0: "newer", 2: "older", 3: "newer"}


async def test_also_those_without_users_are_told_where_that_is_asked_for() -> None:
    found = await stored_catalogs(cast(Any, Logs()), without_users=True)
    assert [*found] == [0, 1, 2, 3]
