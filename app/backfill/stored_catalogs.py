"""The catalogs of partitions, as their workers have stored them beside the profiles."""

from app.runtime.records.envelope import POSITION_KEY, decode_profile, reached_of
from app.segments.partition.position import CATALOG_KEY, CatalogEntry, read_catalog_entry
from app.verification.topic_contents import Cluster


async def stored_catalogs(cluster: Cluster, *, without_users: bool = False) -> dict[int, CatalogEntry]:
    """The catalog of each partition that has users; `without_users`: of those, too, that have had some.

    The worker of a partition that has forgotten all its users stores no newer catalog until the next one comes.
    """
    found: dict[int, CatalogEntry] = {}
    for partition in range(cluster.partitions):
        newest: bytes | None = None
        users: set[bytes] = set()
        async for records in cluster.read(cluster.topics.profiles, partition):
            for record in records:
                if record.key == CATALOG_KEY.encode():
                    if record.value is not None and (newest is None or reached_of(newest) <= reached_of(record.value)):
                        newest = record.value
                elif record.key == POSITION_KEY:
                    continue
                elif record.value is None or decode_profile(record.value).profile is None:
                    users.discard(record.key)
                else:
                    users.add(record.key)
        entry = None if newest is None else decode_profile(newest).profile
        if entry is not None and (users or without_users):
            found[partition] = read_catalog_entry(entry)
    return found
