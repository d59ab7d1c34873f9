"""Topics into Parquet files of a warehouse: each record a row, exactly once."""

import logging

from aiokafka.client import AIOKafkaClient
from faust.types import TP, StreamT

from app.runtime.follow.follow_task import Deliver
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follower import Follower
from app.settings import Settings
from app.warehouse.day_files import make_schema
from app.warehouse.once import existing
from app.warehouse.store import open_store
from app.warehouse.tables import wanted_tables
from app.warehouse.warehouse_task import WarehouseTask

ROLE = "warehouse"

log = logging.getLogger(__name__)


async def warehouse(batches: StreamT[FollowedBatch]) -> None:
    """Writes what was collected of one partition after the other; files know what they have."""
    async for batch in batches:
        await batch.work()


def create_app(settings: Settings) -> Follower:
    """The process `shoal warehouse`. Nothing is started yet. Raises UserError without a place, or without pyarrow."""
    tables = wanted_tables(settings)
    make_schema(tables[0])
    store = open_store(settings.warehouse)
    by_topic = {table.topic: table for table in tables}

    def new_task(app: Follower, tp: TP, deliver: Deliver) -> WarehouseTask:
        return WarehouseTask(
            tp,
            settings=settings,
            metrics=app.metrics,
            tables=by_topic,
            store=store,
            committed_only=app.committed_only,
            deliver=deliver,
        )

    async def look(app: Follower, client: AIOKafkaClient) -> None:
        """Are the topics there?"""
        cluster = await client.fetch_all_metadata()
        there = existing(tables, {name: len(cluster.partitions_for_topic(name) or ()) for name in by_topic})
        for table in tables:
            if table not in there:
                log.warning("there is no topic %s yet: the table %s is empty", table.topic, table.name)

    app = Follower(settings, role=ROLE, topics=list(by_topic), new_task=new_task, prepare=look)
    app.add_agent(warehouse)
    return app
