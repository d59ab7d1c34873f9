"""`shoal topics`: makes the topics of a deployment, and tells what is wrong with those that are there."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from rich.table import Table

from app.catalogs.publishing import published_catalog
from app.console.output import counted, make_console, say
from app.console.running import quiet_clients
from app.destinations.positions import destination_topic_specs
from app.intake.intake_task import intake_topic_spec
from app.intake.sources import read_sources
from app.intake.streams import control_topic, stream_of
from app.main import load_program
from app.runtime.application import own_topics
from app.runtime.kafka.access_list import access_lists, commands
from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.topic_check import Finding, check_broker, check_connections, check_topics, remedies
from app.runtime.kafka.topic_states import ClusterState, cluster_state
from app.runtime.kafka.topics import TopicSpec, audit_topic, drafts_topic, ensure_topics, history_topic, topic_specs
from app.segments.compiler.program import Program, compile_catalog
from app.settings import Settings, load_settings

EXIT_RIGHT: Final = 0
EXIT_WRONG: Final = 2


def topics(
    action: Literal["create", "check", "acls"],
    /,
    *,
    segments: Path | None = None,
    partitions: int | None = None,
    replication_factor: int | None = None,
    broker: str | None = None,
) -> int:
    """Create the topics of a deployment (`create`), check them (`check`), or print who needs access (`acls`).

    `create` makes the missing topics, does not change existing ones, and then checks all. The exit code is 2 if
    something is wrong: records could be lost, or a worker would not start. Other remarks are shown, too. `acls` asks no
    broker: for a Kafka with access control lists, it prints the commands that give each process its permissions.

    Example: `shoal topics check --segments segments`

    Parameters
    ----------
    action
        create, check or acls.
    segments
        Folder of the definitions, since some have topics of their own (SHOAL_SEGMENTS, the shipped ones). With
        SHOAL_CATALOG=topic the published definitions are used.
    partitions
        Partitions of every topic (SHOAL_PARTITIONS, 24).
    replication_factor
        Copies of each topic (SHOAL_REPLICATION_FACTOR; 0: three, or as many as there are brokers).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    """
    quiet_clients()
    settings = load_settings(
        kafka_bootstrap_servers=broker,
        partitions=partitions,
        replication_factor=replication_factor,
        segments=segments,
    )
    if action == "acls":
        _show_access_lists(settings)
        return EXIT_RIGHT
    made, specs, state = asyncio.run(_look(settings, create=action == "create"))
    found = check_topics(settings, specs, state.topics, brokers=len(state.brokers))
    for number, config in state.brokers.items():
        found += check_broker(settings, number, config, brokers=len(state.brokers))
    found += check_connections(settings)
    _show(settings, made, specs, state, found)
    return EXIT_WRONG if any(finding.wrong for finding in found) else EXIT_RIGHT


def _show_access_lists(settings: Settings) -> None:
    """Prints the commands of Kafka's own tool; each process has a user that is named after it."""
    console = make_console()
    sources = tuple(read_sources(settings)) if settings.sources.strip() else ()
    streams = [control_topic(settings, each) for each in map(stream_of, sources) if each is not None]
    topics = [name for name in sources if stream_of(name) is None]
    for process, grants in access_lists(settings, sources=topics, streams=streams).items():
        say(console, f"# shoal {process}")
        principal = f"User:{settings.app_id}-{process}"
        for line in commands(grants, principal=principal, bootstrap_servers=settings.kafka_bootstrap_servers):
            say(console, line)


async def _look(settings: Settings, *, create: bool) -> tuple[list[str], list[TopicSpec], ClusterState]:
    """Returns the topics that were created, those that are expected and those that exist."""
    program = await _program(settings)
    own = sorted(own_topics(settings, program))
    specs = [*topic_specs(settings, own), history_topic(settings), audit_topic(settings), drafts_topic(settings)]
    client = await wait_for_broker(settings)
    try:
        made = []
        there = (await client.fetch_all_metadata()).topics()
        if create:
            # Topics with another number of partitions do not prevent the creation of others; the check reports them.
            made = await ensure_topics(settings, client, [spec for spec in specs if spec.name not in there])
        # Optional topics are created by the processes that use them, and checked if they exist.
        specs += [
            spec for spec in (*destination_topic_specs(settings), intake_topic_spec(settings)) if spec.name in there
        ]
        return made, specs, await cluster_state(settings, client, [spec.name for spec in specs])
    finally:
        await client.close()


async def _program(settings: Settings) -> Program:
    if settings.catalog == "topic" and (published := await published_catalog(settings)) is not None:
        return compile_catalog(published.catalog, settings.time_rules)
    return load_program(settings.segments, settings.time_rules)


def _show(
    settings: Settings,
    made: Sequence[str],
    specs: Sequence[TopicSpec],
    state: ClusterState,
    found: Sequence[Finding],
) -> None:
    console = make_console()
    bad = {finding.name for finding in found}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("topic", "partitions", "copies", "is", "do"):
        table.add_column(title, overflow="fold", justify="right" if title in ("partitions", "copies") else "left")
    for spec in specs:
        there = state.topics.get(spec.name)
        partitions, copies = ("-", "-") if there is None else (str(there.partitions), str(there.replicas))
        if spec.name not in bad:
            table.add_row(
                spec.name, partitions, copies, "[green]made[/]" if spec.name in made else "[green]right[/]", ""
            )
        for finding in found:
            if finding.name == spec.name:
                style = "red" if finding.wrong else "yellow"
                table.add_row(spec.name, partitions, copies, f"[{style}]{finding.found}[/]", finding.do)
                partitions = copies = ""
    for finding in found:
        if finding.name not in {spec.name for spec in specs}:
            table.add_row(finding.name, "", "", f"[red]{finding.found}[/]", finding.do)
    console.print(table)
    if state.topics and not any(topic.config for topic in state.topics.values()):
        say(console, "this broker does not report the settings of its topics: only their partitions were checked")
    if commands := remedies(found, bootstrap_servers=settings.kafka_bootstrap_servers):
        say(console, "\ncorrect the settings with Kafka's own tools:")
        for command in commands:
            say(console, f"  {command}")
    wrong = sum(finding.wrong for finding in found)
    worth = len(found) - wrong
    told = f", {counted(worth, 'thing')} worth knowing" if worth else ""
    say(
        console,
        f"{counted(len(specs), 'topic')}: {counted(wrong, 'thing') + ' wrong' if wrong else 'nothing wrong'}{told}",
    )
