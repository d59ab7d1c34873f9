"""Exports one partition of a topic while it grows."""

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

from faust.types import TP

from app.runtime.follow.follow_task import Deliver, FollowTask
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.runtime.kafka.log_reader import LogReader, OffsetLostError
from app.settings import Settings
from app.warehouse.chunk import Chunk
from app.warehouse.export import PartitionExport
from app.warehouse.once import begin
from app.warehouse.store import Store
from app.warehouse.tables import Table

READ_WAIT_MS: Final = 500

log = logging.getLogger(__name__)


class WarehouseTask(FollowTask):
    """Export of one partition. Records are collected for `warehouse_every`, or until there are many, then written.

    A crash forgets what was collected: it is read again from the position.
    """

    def __init__(
        self,
        tp: TP,
        *,
        settings: Settings,
        metrics: ReaderMetrics,
        tables: Mapping[str, Table],
        store: Store,
        committed_only: bool,
        deliver: Deliver,
    ) -> None:
        self._metrics = metrics
        self._table = tables[tp.topic]
        self._store = store
        super().__init__(tp, settings=settings, committed_only=committed_only, deliver=deliver)

    async def follow(self) -> None:
        """See `FollowTask`."""
        try:
            export = PartitionExport(self._store, self._table, self.tp.partition, self._settings)
            async with self.reading() as reader:
                offset, lost = await begin(export, reader)
                if lost:
                    log.warning("%s: retention removed %d records before they were exported", self.name, lost)
                    self._metrics.warehouse(self._table.name, "lost", lost)
                log.info("%s: export begins at offset %d", self.name, offset)
                self.got_on()
                await self._serve(reader, export, offset)
        except OffsetLostError as error:
            self._metrics.warehouse_failed(self._table.name)
            raise RuntimeError(
                f"{error}; if the topic was made anew, export it to another place, else delete the positions in _shoal"
            ) from None
        except Exception:
            self._metrics.warehouse_failed(self._table.name)
            raise

    async def _serve(self, reader: LogReader, export: PartitionExport, offset: int) -> None:
        chunk, written_to, began_s = Chunk(offset), offset, 0.0
        every_s = self._settings.warehouse_every_ms / 1000
        while True:
            fetched = await reader.read(records_max=self._settings.batch_records_max, wait_ms=READ_WAIT_MS)
            if fetched.records and not chunk.records:
                began_s = time.monotonic()
            chunk.take(fetched.records, fetched.next_offset)
            due = chunk.records and time.monotonic() >= began_s + every_s
            if chunk.full or due:
                await self.hand_over(partial(self._write, export, chunk), offset=chunk.records[0].offset)
                chunk = Chunk(chunk.next_offset)
            if not chunk.records:
                written_to = chunk.next_offset
                self.got_on()
            self.source_offset = written_to
            behind_s = time.time() - chunk.records[0].timestamp / 1000 if chunk.records else 0.0
            left = max(0, fetched.end_offset - written_to)
            self._metrics.lag(
                f"warehouse {self._table.name}",
                self.tp.partition,
                left,
                behind_s=behind_s,
                held_back_s=fetched.held_back_s,
            )
            await asyncio.sleep(self._settings.pace_ms / 1000)

    async def _write(self, export: PartitionExport, chunk: Chunk) -> None:
        """Runs in the agent. The thread may outlive a time-out: what it still writes is then refused, or right."""
        written = await asyncio.to_thread(export.write, chunk.records, chunk.next_offset)
        self._metrics.warehouse(self._table.name, "written", written.rows)
        self._metrics.warehouse(self._table.name, "repeated", len(chunk.records) - written.rows)
        self._metrics.warehouse_files(self._table.name, written.files, written.bytes)
