"""`shoal simulate`: the events of a simulated shop, or of files of real events, written to the input topic."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from cyclopts import Parameter
from rich.console import Console

from app.console.options import check_above_zero, read_duration_ms, read_instant_ms, show_instant
from app.console.output import make_console
from app.console.running import quiet_clients, reporting, until_signal
from app.errors import UserError
from app.settings import Settings, load_settings
from app.simulation.playing import Played, play
from app.simulation.recording import check_files
from app.simulation.shop import ShopSettings
from app.simulation.source import EventSource, FileSource, ShopSource
from app.simulation.writer import TopicWriter, ensure_topic

SEED_MAX: Final = 2**31 - 1
BEFORE_NOW_MS: Final = 7 * 86_400_000
EXIT_OK: Final = 0
EXIT_INTERRUPTED: Final = 130

SourceFor: TypeAlias = Callable[[int], EventSource]
"""Makes the source of events for a number of partitions."""


def simulate(
    *,
    file: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative=())] = None,
    rate: float | None = None,
    users: int | None = None,
    for_: Annotated[str | None, Parameter(name="--for")] = None,
    speed: float | None = None,
    seed: int | None = None,
    start: str | None = None,
    history: str | None = None,
    history_events: int | None = None,
    end_mark: Annotated[bool | None, Parameter(negative="--no-end-mark")] = None,
    broker: str | None = None,
    topic: str | None = None,
    partitions: int | None = None,
) -> int:
    """Send the events of a simulated shop to Kafka, or play files of real events at their own times.

    Example: `shoal simulate --rate 200 --for 5m`

    Parameters
    ----------
    file
        Files of messages in the Segment spec, one a line (.jsonl, .jsonl.gz), in order of time. They are played as
        fast as Kafka accepts them, or with `--speed`. At the end each partition gets an end mark, so that its clock
        reaches the time of the last event.
    rate
        Events per second of real time (50). At `--speed 30`, a second of shop time has a thirtieth of that.
    users
        Number of different visitors (2000).
    for_
        Real time after which to stop (`60s`, `5m`). Without it, Ctrl-C stops.
    speed
        Speed of shop time: 30 plays half an hour in a minute. Run the worker with the same SHOAL_IDLE_CLOCK_SPEED.
        Default: 1 for a shop; files are played as fast as possible.
    seed
        The same seed, start and options give the same events. Printed at the start.
    start
        Shop time of the first event, ISO 8601. Default: now. With a `--speed` above 1: a time in the past at which
        shop time ends now (with `--for`), or a week ago, since brokers refuse records that are ahead of their clock.
    history
        Length of the shop's past to send first, as fast as possible (`7d`).
    history_events
        Approximate number of events in the past (10 a user).
    end_mark
        Write an end mark to each partition after the files (yes).
    broker
        Address of Kafka, host:port (KAFKA_BOOTSTRAP_SERVERS).
    topic
        The topic to write to (SHOAL_TOPIC_CLICKSTREAM, clickstream).
    partitions
        Partitions of the topic. It is created with this number; an existing topic with another number is an error.
    """
    settings = load_settings(kafka_bootstrap_servers=broker, topic_clickstream=topic, partitions=partitions)
    quiet_clients()
    console = make_console(stderr=True)
    limit_ms = None if for_ is None else read_duration_ms(for_, option="--for")
    if speed is not None:
        check_above_zero(speed, option="--speed")
    shop: dict[str, Any] = {"rate": rate, "users": users, "seed": seed, "start": start, "history": history}
    shop["history_events"] = history_events
    if file:
        _reject_for_files(**shop)
        source = _file_source(file, settings, speed, end_marks=end_mark is not False and limit_ms is None)
    else:
        if end_mark is not None:
            raise UserError("--end-mark belongs to --file", hint="a simulated shop has no end")
        source = _shop_source(console, speed or 1.0, limit_ms, **shop)
    complete = asyncio.run(_simulate(source, settings, limit_ms, console, exactly=partitions is not None))
    return EXIT_OK if complete or not file else EXIT_INTERRUPTED


def _file_source(files: list[Path], settings: Settings, speed: float | None, *, end_marks: bool) -> SourceFor:
    check_files(files)

    def source(partitions: int) -> EventSource:
        return FileSource(
            tuple(files), partitions=partitions, rules=settings.time_rules, speed=speed, end_marks=end_marks
        )

    return source


def _shop_source(
    console: Console,
    speed: float,
    limit_ms: int | None,
    *,
    rate: float | None,
    users: int | None,
    seed: int | None,
    start: str | None,
    history: str | None,
    history_events: int | None,
) -> SourceFor:
    shop = shop_settings(
        rate=50.0 if rate is None else rate,
        users=2_000 if users is None else users,
        speed=speed,
        seed=seed,
        start_ms=default_start_ms(speed, limit_ms) if start is None else read_instant_ms(start, option="--start"),
        history_ms=0 if history is None else read_duration_ms(history, option="--history"),
        history_events=history_events,
    )
    console.print(f"seed {shop.seed}, {shop.users:,} users, from {show_instant(shop.start_ms)}", highlight=False)

    def source(partitions: int) -> EventSource:
        return ShopSource(shop, partitions=partitions, speed=speed)

    return source


async def _simulate(
    source_for: SourceFor,
    settings: Settings,
    limit_ms: int | None,
    console: Console,
    *,
    exactly: bool,
) -> bool:
    """Plays until the end, the limit or a signal; False after a signal."""
    partitions = await ensure_topic(settings, exactly=exactly)
    source = source_for(partitions)
    played = Played()
    started_s = time.monotonic()
    end_s = None if limit_ms is None else started_s + limit_ms / 1000
    pace = source.pace(started_s)
    async with TopicWriter(settings, partitions=partitions) as writer:
        playing = play(source.records(), writer, played=played, pace=pace, end_s=end_s)
        complete = await until_signal(reporting(playing, console, lambda: _status(played, started_s)))
    took_s = max(0.001, time.monotonic() - started_s)
    console.print(
        f"{played.records:,} records in {took_s:.1f} s ({played.records / took_s:,.0f}/s) "
        f"to {settings.topics.clickstream}, {partitions} partitions: {source.summary()}",
        highlight=False,
        soft_wrap=True,
    )
    return complete


def _status(played: Played, started_s: float) -> str:
    rate = played.records / max(0.001, time.monotonic() - started_s)
    behind = f", {played.behind_s:.0f} s behind its schedule" if played.behind_s > 1 else ""
    clock = f", shop time {show_instant(played.shop_ms)}" if played.shop_ms >= 0 else ""
    return f"{played.records:,} records, {rate:,.0f}/s{clock}{behind}"


def _reject_for_files(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise UserError(
                f"--{name.replace('_', '-')} has no meaning with --file", hint="files have their own events"
            )


def default_start_ms(speed: float, limit_ms: int | None) -> int:
    """Shop time of the first event: so that with `limit_ms` of playing, or for hours, it is never ahead of now."""
    now_ms = int(time.time() * 1000)
    if speed <= 1:
        return now_ms
    return now_ms - (BEFORE_NOW_MS if limit_ms is None else int(limit_ms * speed))


def shop_settings(
    *,
    rate: float,
    users: int,
    speed: float,
    seed: int | None,
    start_ms: int,
    history_ms: int = 0,
    history_events: int | None = None,
) -> ShopSettings:
    """A shop with `rate` events per second of the machine's time; UserError for what makes no shop."""
    check_above_zero(rate, option="--rate")
    check_above_zero(users, option="--users")
    check_above_zero(speed, option="--speed")
    if seed is not None and not 0 <= seed <= SEED_MAX:
        raise UserError(f"--seed is {seed}", hint=f"allowed: a whole number from 0 to {SEED_MAX}")
    if history_events is not None:
        check_above_zero(history_events, option="--history-events")
        if not history_ms:
            raise UserError("--history-events needs --history", hint="for example --history 7d")
    return ShopSettings(
        seed=random.SystemRandom().randrange(1_000_000) if seed is None else seed,
        start_ms=start_ms,
        events_per_s=rate / speed,
        users=users,
        history_ms=history_ms,
        history_events=(10 * users if history_events is None else history_events) if history_ms else 0,
    )
