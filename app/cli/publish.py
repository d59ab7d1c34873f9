"""`shoal publish`: a folder of definitions becomes the catalog of running workers."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app.catalogs.audited_publishing import publish_audited
from app.catalogs.definitions_folder import load_segments, read_definitions
from app.catalogs.publishing import Outcome, publish_catalog
from app.catalogs.terms import Terms
from app.console.definitions import show_remarks
from app.console.output import make_console, say
from app.console.publications import show_outcome
from app.console.running import quiet_clients
from app.runtime.audit import account
from app.runtime.records.published_catalog import Difference
from app.segments.definitions.definition import Catalog
from app.settings import Settings, load_settings


def publish(
    folder: Path,
    /,
    *,
    by: str | None = None,
    message: str = "",
    source: str = "cli",
    if_version: str | None = None,
    keep_others: Annotated[bool, Parameter(negative=())] = False,
    take_over: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    broker: str | None = None,
) -> int:
    """Publish a folder of definitions to running workers. It is checked, then written to the catalog topic.

    Workers with SHOAL_CATALOG=topic start to use it without a restart, in each partition between two batches.
    Expressions that did not change keep their state. Each publication is kept with its author and its reason: see
    `shoal catalog history`.

    Definitions that are not in the folder are removed, if they came from the same source. If they came from another one
    (the console, another repository), nothing is published. The exit code is 1 then, and also if another version is
    published than --if-version says, or if somebody else publishes at the same instant.

    Example: `shoal publish segments --message "Carts count from 40 euros"`

    Parameters
    ----------
    folder
        The folder with the definitions.
    by
        Who publishes (SHOAL_AUDIT_ACTOR, or the name of the account).
    message
        Why, for those who read the history.
    source
        Where the definitions come from: git, console, cli, or a name of your own such as git:shop.
    if_version
        Publish only if this is the latest publication: its number, or the version of its catalog; none: if nothing is
        published.
    keep_others
        What other sources have published and the folder does not have stays published.
    take_over
        Definitions of other sources may be overwritten and removed. Those in the folder belong to this source then.
    dry_run
        Show what would change, and write nothing.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    """
    quiet_clients()
    console = make_console()
    settings = load_settings(kafka_bootstrap_servers=broker)
    terms = Terms(
        by=by or settings.audit_actor or account() or "",
        message=message,
        source=source,
        if_version=if_version,
        keep_others=keep_others,
        take_over=take_over,
    )
    catalog = load_segments(folder, settings.time_rules)
    files = read_definitions(folder)
    show_remarks(make_console(stderr=True), catalog)
    outcome = asyncio.run(_publish(settings, catalog, files, terms, dry_run=dry_run))
    show_outcome(console, outcome, dry_run=dry_run)
    if outcome.step is not None and (hint := backfill_hint(catalog, outcome.changes)):
        say(console, hint)
    return 0


async def _publish(
    settings: Settings, catalog: Catalog, files: Mapping[str, str], terms: Terms, *, dry_run: bool
) -> Outcome:
    now_ms = int(time.time() * 1000)
    if dry_run:
        return await publish_catalog(settings, catalog, files, published_ms=now_ms, write=False, terms=terms)
    return await publish_audited(settings, catalog, files, published_ms=now_ms, terms=terms)


def backfill_hint(catalog: Catalog, changes: Difference) -> str:
    """Tells what new segments lack, and the command that brings it; empty if there are none, or nothing was before."""
    live = {segment.name for segment in catalog.segments if segment.status == "live"}
    new = [name for name in changes.added if name in live]
    if not new or not changes.same:
        return ""
    return f"new segments know nothing of what happened before: shoal backfill {' '.join(new)}"
