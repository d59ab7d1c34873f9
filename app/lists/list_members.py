"""The users on a static list, read from the profiles as of the last commit of the workers."""

from collections.abc import Callable
from typing import Final

from app.errors import UserError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_readers import LogReaders, whole
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.segments.compiler.list_ids import list_id
from app.settings import Settings
from tables import profile as profiles

READ_RECORDS: Final = 2_000


async def list_members(settings: Settings, name: str, *, progress: Callable[[int], None]) -> set[str]:
    """Everybody on the list, also who never came. `progress` is told how many profiles were read.

    Reads all profiles. Raises UserError if no worker has made their topic, or the broker does not answer.
    """
    topic, own = settings.topics.profiles, list_id(name)
    client = await wait_for_broker(settings)
    found: set[str] = set()
    seen = 0
    try:
        cluster = await client.fetch_all_metadata()
        partitions = sorted(cluster.partitions_for_topic(topic) or ())
        if not partitions:
            raise UserError(
                f"no worker has stored a profile yet: there is no topic {topic}",
                hint="SHOAL_TOPIC_PREFIX and --broker say which deployment is asked",
            )
        async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
            for partition in partitions:
                async for records in whole(readers.open(topic, partition), records_max=READ_RECORDS):
                    for record in records:
                        _take(record.key, record.value, own, found)
                    seen += len(records)
                    progress(seen)
    finally:
        await client.close()
    return found


def _take(key: bytes | None, value: bytes | None, own: int, found: set[str]) -> None:
    if key is None or key == POSITION_KEY or key.startswith(b"\0"):  # entries of the partition itself
        return
    user = key.decode()
    stored = None if value is None else decode_profile(value).profile
    entry = None if stored is None else profiles.decode(stored).leaves.get(own)
    if entry is not None and entry[1]:
        found.add(user)
    else:
        found.discard(user)
