"""Writing and reading the published catalog."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from app.runtime.catalog_follower import CatalogFollower, UnusableCatalogError
from app.runtime.kafka.clients import has_transactions, wait_for_broker
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.topics import catalog_topic, ensure_topics
from app.runtime.records.published_catalog import Difference, Published, difference, rows_of, versions_of
from app.segments.definitions.definition import Catalog
from app.settings import Settings

CATALOG_PARTITION = 0


@asynccontextmanager
async def catalog_follower(settings: Settings) -> AsyncIterator[CatalogFollower]:
    """A reader of the catalog topic, which is made if it is missing. Raises UserError."""
    client = await wait_for_broker(settings)
    try:
        await ensure_topics(settings, client, [catalog_topic(settings)])
        committed_only = await has_transactions(client)
        follower = CatalogFollower(client, settings, committed_only=committed_only)
        yield follower
        await follower.stop()
    finally:
        await client.close()


async def published_catalog(settings: Settings) -> Published | None:
    """Returns the catalog that is published now, or None. Raises UserError."""
    async with catalog_follower(settings) as follower:
        return await follower.present()


async def publish_catalog(
    settings: Settings, catalog: Catalog, files: Mapping[str, str], *, published_ms: int, write: bool
) -> Difference:
    """Makes a catalog the published one, unless nothing would change; what changes (or would, without `write`)."""
    async with catalog_follower(settings) as follower:
        try:
            before = await follower.present()
        except UnusableCatalogError:  # by this version; the new publication replaces it anyway
            before = None
        names = follower.names
    changes = difference(None if before is None else before.catalog, catalog)
    if before is None:
        changes = replace(changes, removed=tuple(sorted(names - versions_of(catalog).keys())))
    if write and (before is None or before.catalog.version != catalog.version):
        rows = rows_of(catalog, files, removed=changes.removed, published_ms=published_ms)
        writer = LogWriter(settings, partition=CATALOG_PARTITION)
        await writer.open()
        try:
            await writer.write([(settings.topics.catalog, rows)])
        finally:
            await writer.close()
    return changes
