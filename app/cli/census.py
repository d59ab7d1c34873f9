"""`shoal census`: counts all users, so that segments can compare one with all."""

import asyncio
import json
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.table import Table

from app.cli.process import Pairs, prepare_process, settings_of
from app.console.output import make_console, say
from app.console.running import quiet_clients
from app.errors import UserError
from app.events.instants import iso
from app.population.census import Ledger
from app.settings import Settings

READ_RECORDS: Final = 1_000


def census(
    action: Literal["run", "once", "show"],
    /,
    *,
    broker: str | None = None,
    app_id: str | None = None,
    every: str | None = None,
    web_port: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    set_: Pairs = None,
) -> int:
    """Count all users now and then (`run`), or now (`once`), or show the latest numbers (`show`).

    Segments compare with the numbers of the latest census: `top(10%)`, `segment_size('vip')`; destinations with
    `minimum_members`. One process of a deployment does it; a second one ends the first. Each partition counts its users
    when it comes to the record of the census, so `once` ends when all partitions have done so.

    Example: `shoal census once`

    Parameters
    ----------
    action
        run, once or show.
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    app_id
        Name of the deployment (SHOAL_APP_ID, shoal).
    every
        Interval of `run`, as a duration (SHOAL_CENSUS_EVERY, 1d).
    web_port
        Port of /metrics, /live and /ready of `run` (SHOAL_WEB_PORT, 0: none).
    json_
        Print the numbers as JSON.
    set_
        Other settings, as name=value: `--set topic_prefix=shop.`.
    """
    settings = settings_of(
        set_, kafka_bootstrap_servers=broker, app_id=app_id, census_every_ms=every, web_port=web_port
    )
    if action == "run":
        prepare_process(settings)
        return asyncio.run(_run(settings))
    quiet_clients()
    if action == "once":
        from app.population.census_coordinator import CensusCoordinator

        asyncio.run(CensusCoordinator(settings).run(once=True))
    _show(asyncio.run(_read(settings)), as_json=json_)
    return 0


async def _run(settings: Settings) -> int:
    import signal

    from app.population.census_coordinator import CensusCoordinator
    from app.runtime.process.health_server import HealthServer

    coordinator = CensusCoordinator(settings)
    running = asyncio.ensure_future(coordinator.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    health = None
    if settings.web_port:
        health = HealthServer(
            coordinator.metrics,
            host=settings.web_host,
            port=settings.web_port,
            live=lambda: None,
            ready=lambda: None,
        )
        health.start()
    try:
        await running
    except asyncio.CancelledError:
        pass
    finally:
        if health is not None:
            health.stop()
    return 0


async def _read(settings: Settings) -> Ledger:
    from app.runtime.kafka.clients import has_transactions, wait_for_broker
    from app.runtime.kafka.log_readers import LogReaders, whole
    from app.runtime.records.population_events import PARTITION, read_population

    topic = settings.topics.population
    client = await wait_for_broker(settings)
    ledger = Ledger(settings.app_id)
    try:
        if not (await client.fetch_all_metadata()).partitions_for_topic(topic):
            raise UserError(
                f"there is no topic {topic} at {settings.kafka_bootstrap_servers}",
                hint="a worker creates its topics when it starts; shoal census run begins a census",
            )
        async with LogReaders(client, settings, committed_only=await has_transactions(client)) as readers:
            async for records in whole(readers.open(topic, PARTITION), records_max=READ_RECORDS):
                for record in records:
                    ledger.take(read_population(record.value))
    finally:
        await client.close()
    return ledger


def _show(ledger: Ledger, *, as_json: bool) -> None:
    result, console = ledger.result, make_console()
    if as_json:
        found = None if result is None else {"at": iso(result.at_ms), "numbers": result.numbers, "users": result.users}
        say(console, json.dumps({"census": found, "missing_partitions": ledger.missing}, ensure_ascii=False))
        return
    if ledger.begun is not None and ledger.missing:
        say(console, f"a census has begun at {iso(ledger.begun.at_ms)}; partitions to come: {ledger.missing}")
    if result is None:
        say(console, "no census has a result yet")
        return
    say(console, f"census of {iso(result.at_ms)}")
    table = Table("number", "value", "users counted", box=None)
    for name, number in result.numbers.items():
        users = next((str(n) for text, n in result.users.items() if name.endswith(f" of {text}")), "")
        table.add_row(name, "none" if number is None else str(number), users)
    console.print(table)
