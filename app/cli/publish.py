"""`shoal publish`: a folder of definitions becomes the catalog of running workers."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app.catalogs.definitions_folder import load_segments, read_definitions
from app.catalogs.publishing import publish_catalog
from app.console.definitions import show_remarks
from app.console.output import counted, make_console
from app.console.running import quiet_clients
from app.runtime.audit import audited
from app.runtime.records.published_catalog import Difference
from app.segments.definitions.catalog_settings import SETTINGS_FILES, settings_text
from app.segments.definitions.definition import Catalog
from app.settings import Settings, load_settings


def publish(
    folder: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
) -> int:
    """Publish a folder of definitions to running workers. It is checked, then written to the catalog topic.

    Workers with SHOAL_CATALOG=topic start to use it without a restart, in each partition between two batches.
    Expressions that did not change keep their state.

    Example: `shoal publish segments --dry-run`

    Parameters
    ----------
    folder
        The folder with the definitions.
    dry_run
        Show what would change, and write nothing.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    """
    quiet_clients()
    console = make_console()
    settings = load_settings(kafka_bootstrap_servers=broker)
    catalog = load_segments(folder, settings.time_rules)
    files = read_definitions(folder)
    show_remarks(make_console(stderr=True), catalog)
    now_ms = int(time.time() * 1000)
    changes = asyncio.run(_publish(settings, catalog, files, published_ms=now_ms, write=not dry_run))
    for sign, style, names in (
        ("+", "green", changes.added),
        ("~", "yellow", changes.changed),
        ("-", "red", changes.removed),
    ):
        for name in names:
            console.print(f"{sign} {name}{_note(catalog, name)}", style=style, highlight=False, markup=False)
    told = f"{counted(len(changes.same), 'definition')} as before"
    if changes.nothing:
        console.print(f"nothing to publish: catalog {catalog.version} is published, {told}", highlight=False)
    elif dry_run:
        console.print(f"would publish catalog {catalog.version}; {told}", highlight=False)
    else:
        console.print(f"published catalog {catalog.version}; {told}", highlight=False)
        if hint := backfill_hint(catalog, changes):
            console.print(hint, highlight=False, markup=False, soft_wrap=True)
    return 0


async def _publish(
    settings: Settings, catalog: Catalog, files: Mapping[str, str], *, published_ms: int, write: bool
) -> Difference:
    """Publishes, and records it in the audit log."""
    if not write:
        return await publish_catalog(settings, catalog, files, published_ms=published_ms, write=False)
    async with audited(settings, "definitions.publish", details={"version": catalog.version}) as deed:
        changes = await publish_catalog(settings, catalog, files, published_ms=published_ms, write=True)
        counts = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
        deed.details.update({name: str(len(names)) for name, names in counts.items()})
    return changes


def backfill_hint(catalog: Catalog, changes: Difference) -> str:
    """Tells what new segments lack, and the command that brings it; empty if there are none, or nothing was before."""
    live = {segment.name for segment in catalog.segments if segment.status == "live"}
    new = [name for name in changes.added if name in live]
    if not new or not changes.same:
        return ""
    return f"new segments know nothing of what happened before: shoal backfill {' '.join(new)}"


def _note(catalog: Catalog, name: str) -> str:
    if name in SETTINGS_FILES:
        return f" ({settings_text(catalog.settings, name)})"
    for segment in catalog.segments:
        if segment.name == name and segment.status != "live":
            return f" ({segment.status})"
    return " (score)" if any(score.name == name for score in catalog.scores) else ""
