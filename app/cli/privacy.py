"""`shoal privacy`: what is known of users, why, for how long, and who gets it; the rotation of pseudonyms."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter

from app.catalogs.catalog_in_use import catalog_in_use
from app.cli.process import Pairs, settings_of
from app.cli.pseudonym_rotation import rotate_pseudonyms
from app.console.output import make_console, say_lines
from app.console.privacy_report import PrivacyReport, Processor, kept_topics, show_report
from app.console.running import quiet_clients
from app.destinations.folder import load_destinations
from app.destinations.positions import destination_topics
from app.events.visible_text import visible_json
from app.runtime.application import own_topics
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.topic_states import cluster_state
from app.runtime.kafka.topics import TopicSpec, audit_topic, topic_specs
from app.segments.compiler.program import compile_catalog
from app.segments.language.durations import format_duration
from app.segments.review.processing import processing
from app.settings import Settings


def privacy(
    action: Literal["report", "rotate"],
    /,
    *,
    segments: Path | None = None,
    destinations: Path | None = None,
    ask: bool = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    format: Literal["text", "json"] = "text",  # noqa: A002  # the name of the option
    broker: str | None = None,
    set_: Pairs = None,
) -> int:
    """Show which data of users are read, why, for how long, and who gets them; or move users to new pseudonyms.

    `report` shows which fields of events are read, for which purposes, what is remembered and for how long, on which
    topics it is, and who gets it: the content of a record of processing activities. It reads definitions, destinations
    and settings, but no data of users. What other systems keep is not known here, nor the events that producers write
    to Kafka without need.

    `rotate` moves everybody who is known by an id, or by a pseudonym of an older key, to the pseudonym of the newest
    key of SHOAL_PSEUDONYM_KEYS. Run it before shoal serve and shoal intake have that key, and again afterwards.

    Example: `shoal privacy report --segments segments --format json`

    Parameters
    ----------
    action
        report or rotate.
    segments
        Folder of the definitions (SHOAL_SEGMENTS, the shipped ones). With SHOAL_CATALOG=topic, the published ones are
        used.
    destinations
        Folder of the destinations (SHOAL_DESTINATIONS, destinations).
    ask
        Ask Kafka how long its topics keep records. Otherwise the report says what new topics get.
    dry_run
        With rotate: write nothing; only count.
    format
        With report: text or json.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    quiet_clients()
    settings = settings_of(set_, segments=segments, destinations=destinations, kafka_bootstrap_servers=broker)
    if action == "rotate":
        return rotate_pseudonyms(settings, write=not dry_run)
    report = asyncio.run(_report(settings, ask=ask))
    console = make_console()
    if format == "json":
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(report)).decode()))
    else:
        show_report(console, report)
    return 0


async def _report(settings: Settings, *, ask: bool) -> PrivacyReport:
    catalog = await catalog_in_use(settings)
    own = own_topics(settings, compile_catalog(catalog, settings.time_rules))
    letters = destination_topics(settings).dead_letters
    specs = [*topic_specs(settings, sorted(own)), TopicSpec(letters, settings.partitions), audit_topic(settings)]
    told = {}
    if ask:
        client = await wait_for_broker(settings)
        try:
            state = await cluster_state(settings, client, [spec.name for spec in specs])
        finally:
            await client.close()
        told = {name: topic.config for name, topic in state.topics.items()}
    return PrivacyReport(
        processing=processing(catalog, settings.time_rules),
        profiles_kept=format_duration(settings.retention_ms),
        topics=kept_topics(settings, specs, told),
        processors=tuple(_processors(settings)),
        collector_keeps=settings.keep,
        collector_ids="pseudonyms" if settings.incoming_ids.hides else "ids as they are",
    )


def _processors(settings: Settings) -> list[Processor]:
    """Everybody whom the settings name; addresses without what is secret in them."""
    found = []
    if settings.destinations.is_dir():
        private = settings.private_destinations
        for each in load_destinations(settings.destinations, environ=os.environ, private=private):
            which = "all segments" if each.segments is None else ", ".join(sorted(each.segments))
            found.append(Processor(each.name, f"destination, {each.kind}", f"changes of {which}"))
    if settings.redis_url:
        found.append(Processor(urlsplit(settings.redis_url).hostname or "Redis", "Redis", "current memberships"))
    if settings.warehouse:
        tables = settings.warehouse_tables.replace(",", ", ")
        found.append(Processor(settings.warehouse, "warehouse", f"{tables}: kept until you delete them"))
    return found
