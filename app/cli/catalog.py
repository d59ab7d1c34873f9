"""`shoal catalog`: what is published, since when, in which version."""

import asyncio

from rich.table import Table

from app.catalogs.publishing import published_catalog
from app.console.options import show_instant
from app.console.output import make_console
from app.console.running import quiet_clients
from app.errors import UserError
from app.runtime.records.published_catalog import definitions_of
from app.segments.definitions.catalog_settings import SETTINGS_FILES, settings_text
from app.segments.definitions.definition import Segment
from app.settings import load_settings


def catalog(*, broker: str | None = None) -> int:
    """Show the published catalog: every definition with its version, and the time of publication.

    Example: `shoal catalog --broker kafka-1:9092`

    Parameters
    ----------
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    """
    quiet_clients()
    settings = load_settings(kafka_bootstrap_servers=broker)
    found = asyncio.run(published_catalog(settings))
    if found is None:
        raise UserError(
            f"nothing is published in {settings.topics.catalog} at {settings.kafka_bootstrap_servers}",
            hint="publish a folder of definitions: shoal publish DIR",
        )
    console = make_console()
    since = show_instant(found.publication.published_ms)
    console.print(f"catalog {found.catalog.version}, published {since}", highlight=False)
    table = Table(box=None, header_style="bold")
    for title in ("name", "kind", "status", "version", "title", "file"):
        table.add_column(title, overflow="fold")
    for name, definition in sorted(definitions_of(found.catalog).items()):
        is_segment = isinstance(definition, Segment)
        table.add_row(
            name,
            "segment" if is_segment else "score",
            definition.status if isinstance(definition, Segment) else "live",
            found.publication.definitions[name],
            definition.title,
            definition.path,
        )
    common = found.catalog.settings
    for name in SETTINGS_FILES:
        if (version := found.publication.definitions.get(name)) is not None:
            table.add_row(name, "settings", "live", version, settings_text(common, name), common.paths[name])
    console.print(table)
    return 0
