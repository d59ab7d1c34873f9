"""Export of all partitions up to their present ends, for cron jobs."""

import asyncio
from collections.abc import Sequence

from app.errors import UserError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.runtime.kafka.log_readers import LogReaders
from app.settings import Settings
from app.warehouse.chunk import Chunk
from app.warehouse.day_files import Written
from app.warehouse.export import PartitionExport
from app.warehouse.store import ConflictError, Store
from app.warehouse.tables import OPTIONAL, Table


async def begin(export: PartitionExport, reader: LogReader) -> tuple[int, int]:
    """Moves a reader to where an export goes on: the offset, and how many records retention removed before it."""
    position = await asyncio.to_thread(export.position)
    earliest = await reader.earliest()
    offset = max(earliest, position or 0)
    reader.seek(offset)
    return offset, max(0, earliest - position) if position is not None else 0


def existing(tables: Sequence[Table], partitions: dict[str, int]) -> list[Table]:
    """The tables whose topics exist, by their numbers of partitions. Raises UserError if one is missing."""
    for table in tables:
        if not partitions.get(table.topic) and table.name not in OPTIONAL:
            raise UserError(
                f"there is no topic {table.topic} for the table {table.name}",
                hint="shoal topics create makes it; SHOAL_WAREHOUSE_TABLES says which tables are wanted",
            )
    return [table for table in tables if partitions.get(table.topic)]


async def export_once(settings: Settings, tables: Sequence[Table], store: Store) -> dict[str, Written]:
    """Writes what is new; the amounts by table. Raises UserError."""
    client = await wait_for_broker(settings)
    try:
        committed_only = await has_transactions(client)
        cluster = await client.fetch_all_metadata()
        counts = {table.topic: len(cluster.partitions_for_topic(table.topic) or ()) for table in tables}
        written: dict[str, Written] = {}
        async with LogReaders(client, settings, committed_only=committed_only) as readers:
            for table in existing(tables, counts):
                total = written[table.name] = Written()
                for partition in range(counts[table.topic]):
                    export = PartitionExport(store, table, partition, settings)
                    total.add(await _export_partition(export, readers.open(table.topic, partition), settings))
        return written
    finally:
        await client.close()


async def _export_partition(export: PartitionExport, reader: LogReader, settings: Settings) -> Written:
    written = Written()
    offset, _ = await begin(export, reader)
    chunk, end = Chunk(offset), None
    try:
        while end is None or chunk.next_offset < end:
            fetched = await reader.read(records_max=settings.batch_records_max, wait_ms=1)
            end = fetched.end_offset if end is None else end
            chunk.take(fetched.records, fetched.next_offset)
            if chunk.full or fetched.drained:
                written.add(await _write(export, chunk))
                chunk = Chunk(chunk.next_offset)
        if chunk.records:
            written.add(await _write(export, chunk))
    except OffsetLostError as error:
        raise UserError(
            str(error),
            hint="if the topic was made anew, export it to another place, else delete the positions in _shoal",
        ) from None
    except ConflictError as error:
        raise UserError(str(error), hint="another export writes to the same place; run one at a time") from None
    return written


async def _write(export: PartitionExport, chunk: Chunk) -> Written:
    return await asyncio.to_thread(export.write, chunk.records, chunk.next_offset) if chunk.records else Written()
