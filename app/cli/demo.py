"""`shoal demo`: a simulated shop on this machine, live: broker, workers, visitors, and what comes of it."""

import asyncio
import os
import secrets
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from aiokafka.errors import KafkaError
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.table import Table

from app.catalogs.definitions_folder import load_segments, read_definitions
from app.catalogs.publishing import publish_catalog
from app.cli.demo_processes import Everything
from app.cli.simulate import BEFORE_NOW_MS, shop_settings
from app.console.board import Board
from app.console.dashboard import Frame, latency, render
from app.console.options import check_above_zero, read_duration_ms, show_instant
from app.console.output import make_console
from app.console.plain import STATUS_EVERY_S, LineBudget, change_line, status_line
from app.console.running import quiet_clients, until_signal
from app.embedded import EmbeddedBroker
from app.errors import UserError
from app.events.visible_text import visible
from app.population.census_coordinator import CensusCoordinator
from app.runtime.kafka.clients import connect_admin, wait_for_broker
from app.runtime.kafka.topics import TopicSpec, ensure_topics, topic_specs
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.definition import Catalog
from app.settings import Settings, load_settings
from app.simulation.playing import Played, play
from app.simulation.record import Record
from app.simulation.recording import check_files
from app.simulation.shop import ShopSettings
from app.simulation.source import EventSource, FileSource, ShopSource
from app.simulation.writer import TopicWriter
from app.verification.topic_contents import Cluster, Positions

EXIT_OK: Final = 0
EXIT_CHILD_DIED: Final = 1
_PARTITIONS: Final = 4
_WORKERS_MAX: Final = 4
_SHOP_SPEED: Final = 30.0
_FILE_SPEED: Final = 600.0
_FRAME_S: Final = 0.25
_TICK_S: Final = 1.0
#: The embedded broker delays the first member of a group for half of this before it assigns partitions.
_EMBEDDED_SESSION_TIMEOUT_MS: Final = 2_000
_REMOVE_TIMEOUT_S: Final = 5.0
_CENSUS_EVERY_S: Final = 10.0
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def demo(
    *,
    for_: Annotated[str | None, Parameter(name="--for")] = None,
    segments: Path | None = None,
    speed: float | None = None,
    rate: float = 60.0,
    users: int = 800,
    seed: int | None = None,
    history: str = "7d",
    file: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative=())] = None,
    workers: int = 1,
    console: bool = True,
    broker: str | None = None,
) -> int:
    """Run a simulated shop on this machine and show live who enters and leaves which segment, and why.

    Starts a broker (unless KAFKA_BOOTSTRAP_SERVERS or --broker names one), workers and a simulator, and removes
    everything at the end. It takes a census every 10 seconds. The exit code is 1 if one of these processes dies.

    Example: `shoal demo --for 5m`

    Parameters
    ----------
    for_
        Time after which the demo ends (`60s`, `5m`). Without it, Ctrl-C ends the demo.
    segments
        Folder of the definitions (SHOAL_SEGMENTS, the shipped ones).
    speed
        Speed of shop time: 30 (the default) plays half an hour in a minute. Default for files: 600.
    rate
        Events per second of real time.
    users
        Number of different visitors.
    seed
        The same seed gives the same visitors. Printed at the start.
    history
        Length of the shop's past that is sent first (`0s`: none).
    file
        Files of real events to play, at their own times, instead of the shop.
    workers
        Number of worker processes.
    console
        Also run the web console; its address is shown at the top.
    broker
        Address of a Kafka to use, host:port. The demo removes its topics at the end.
    """
    started_s = time.monotonic()
    quiet_clients()
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, also before there is an event loop
        signal.signal(number, signal.default_int_handler)
    limit_ms = None if for_ is None else read_duration_ms(for_, option="--for")
    speed = (_FILE_SPEED if file else _SHOP_SPEED) if speed is None else speed
    _check_options(speed, workers, file)
    settings = load_settings(
        kafka_bootstrap_servers=broker, segments=segments, partitions=_PARTITIONS, idle_clock_speed=speed
    )
    own_broker = broker is None and not os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    shop = shop_settings(
        rate=rate,
        users=users,
        speed=speed,
        seed=seed,
        start_ms=int(time.time() * 1000) - BEFORE_NOW_MS,
        history_ms=0 if history == "0s" else read_duration_ms(history, option="--history"),
    )
    show = _demo(settings, shop, file, speed=speed, started_s=started_s, limit_ms=limit_ms, with_console=console)
    with Everything() as everything:
        if own_broker:
            show.use_embedded(everything.broker())
        return asyncio.run(show.run(everything, workers=workers, remove_topics=not own_broker))


def _check_options(speed: float, workers: int, files: list[Path] | None) -> None:
    check_above_zero(speed, option="--speed")
    if not 1 <= workers <= _WORKERS_MAX:
        raise UserError(f"--workers is {workers}", hint=f"from 1 to {_WORKERS_MAX}")
    if files:
        check_files(files)


def _demo(
    settings: Settings,
    shop: ShopSettings,
    files: list[Path] | None,
    *,
    speed: float,
    started_s: float,
    limit_ms: int | None,
    with_console: bool,
) -> "Demo":
    """The demo of a shop or of files, with topics of its own. UserError for definitions that a worker would refuse."""
    catalog = load_segments(settings.segments, settings.time_rules)
    compile_catalog(catalog, settings.time_rules)
    run = secrets.token_hex(3)
    settings = replace(settings, app_id=f"demo-{run}", topic_prefix=f"demo-{run}.", web_port=0)
    source: EventSource = ShopSource(shop, partitions=_PARTITIONS, speed=speed)
    title = f"Shoal demo: seed {shop.seed}, {shop.users:,} users"
    if files:
        source = FileSource(files, partitions=_PARTITIONS, rules=settings.time_rules, speed=speed, end_marks=False)
        title = f"Shoal demo: {files[0].name}"
    return Demo(
        settings,
        catalog,
        source,
        title=title,
        speed=speed,
        started_s=started_s,
        limit_ms=limit_ms,
        with_console=with_console,
        live_from_ms=0 if files else shop.start_ms,
    )


@dataclass(slots=True)
class Demo:
    """One demo, from the start of its broker to the summary."""

    settings: Settings
    catalog: Catalog
    source: EventSource
    title: str
    speed: float
    started_s: float
    limit_ms: int | None
    live_from_ms: int = 0
    note: str = "starting the workers"
    with_console: bool = True
    console_url: str | None = None
    played: Played = field(default_factory=Played)
    died: str | None = None
    sent: list[int] = field(default_factory=lambda: [0] * _PARTITIONS)
    censuses: int = 0

    def use_embedded(self, broker: EmbeddedBroker) -> None:
        """Runs the demo on the broker that comes along."""
        self.settings = replace(
            self.settings,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            session_timeout_ms=_EMBEDDED_SESSION_TIMEOUT_MS,
        )

    async def run(self, everything: Everything, *, workers: int, remove_topics: bool) -> int:
        """Shows everything until the end, a signal, or a child's death; the exit code."""
        console = make_console()
        board = Board(self.catalog, live_from_ms=self.live_from_ms)
        try:
            await until_signal(self._run(everything, board, console, workers=workers, remove_topics=remove_topics))
        except UserError:
            self.died = self.died or everything.dead()
            if self.died is None:
                raise
        _summary(self, board, console)
        if self.died is not None:
            print(visible(f"error: {self.died}"), file=sys.stderr)
            return EXIT_CHILD_DIED
        return EXIT_OK

    async def _run(
        self, everything: Everything, board: Board, console: Console, *, workers: int, remove_topics: bool
    ) -> None:
        async with AsyncExitStack() as stack:
            if remove_topics:
                stack.push_async_callback(_remove_topics, self.settings, [spec.name for spec in self._topics()])
            stack.push_async_callback(asyncio.to_thread, everything.stop_workers)
            for _ in range(workers):  # first, since they take the most time
                everything.worker(self.settings)
            await self._make_topics()
            await self._publish()
            if self.with_console:
                self.console_url = await asyncio.to_thread(everything.console, self.settings)
            cluster = await stack.enter_async_context(Cluster(self.settings))
            positions = await stack.enter_async_context(Positions(cluster))
            writer = await stack.enter_async_context(TopicWriter(self.settings, partitions=_PARTITIONS))
            lines = None if sys.stdout.isatty() and not console.is_dumb_terminal else LineBudget()
            tasks = [
                asyncio.create_task(self._play(writer, board)),
                asyncio.create_task(self._listen(cluster, board, console, lines)),
                asyncio.create_task(self._count_users()),
            ]
            try:
                if lines is None:
                    await self._show_live(everything, board, positions, console, tasks)
                else:
                    await self._show_lines(everything, board, positions, console, lines, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _topics(self) -> list[TopicSpec]:
        return topic_specs(self.settings, [segment.name for segment in self.catalog.segments if segment.topic])

    async def _make_topics(self) -> None:
        client = await wait_for_broker(self.settings)
        try:
            await ensure_topics(self.settings, client, self._topics())
        finally:
            await client.close()

    async def _publish(self) -> None:
        """The workers wait for it: as in production, definitions come by their topic."""
        files = read_definitions(self.settings.segments)
        now_ms = int(time.time() * 1000)
        await publish_catalog(self.settings, self.catalog, files, published_ms=now_ms, write=True)

    # ---- running

    async def _play(self, writer: TopicWriter, board: Board) -> None:
        def sent(record: Record) -> None:
            self.sent[record.partition] += 1
            board.sent(record, time.monotonic())

        pace = self.source.pace(time.monotonic())
        await play(self.source.records(), writer, played=self.played, pace=pace, sent=sent)

    async def _count_users(self) -> None:
        """Takes censuses: segments may compare one user with all, also those that the console publishes."""
        while True:
            await asyncio.sleep(_CENSUS_EVERY_S)
            await CensusCoordinator(self.settings).run(once=True)
            self.censuses += 1

    async def _listen(self, cluster: Cluster, board: Board, console: Console, lines: LineBudget | None) -> None:
        async for _, records in cluster.follow(cluster.topics.changes):
            for record in records:
                self._heard(record.value, board, console, lines)

    def _heard(self, value: bytes | None, board: Board, console: Console, lines: LineBudget | None) -> None:
        if value is not None:
            now_s = time.monotonic()
            row = board.received(_decode(value), now_s)
            if row is not None and lines is not None and len(board.last) == 1 and board.history:
                _print(console, f"-- {board.history:,} changes in the shop's past, before it went live")
            if row is not None and lines is not None and lines.allows(now_s):
                _print(console, change_line(row))

    def _look(self, everything: Everything, board: Board, positions: Positions) -> bool:
        """Takes note of what can be seen from outside; False when it is over."""
        reached = [positions[partition].offset for partition in range(_PARTITIONS)]
        of_censuses = 2 * self.censuses * _PARTITIONS  # its beginning and its numbers
        board.lag = max(0, sum(self.sent) + of_censuses - sum(reached))
        if board.changes:
            self.note = "" if self.played.behind_s < 1 else f"the simulator is {self.played.behind_s:.0f} s behind"
        self.died = everything.dead()
        if self.died is not None:
            everything.stop_workers(timeout_s=0)  # without a broker, their orderly end would take long
        over = self.limit_ms is not None and time.monotonic() - self.started_s >= self.limit_ms / 1000
        return self.died is None and not over

    def _frame(self) -> Frame:
        elapsed_s = time.monotonic() - self.started_s
        left_s = None if self.limit_ms is None else self.limit_ms / 1000 - elapsed_s
        title = self.title if self.console_url is None else f"{self.title}  ·  {self.console_url}"
        return Frame(title, self.speed, elapsed_s, left_s, self.note)

    # ---- display

    async def _show_live(
        self,
        everything: Everything,
        board: Board,
        positions: Positions,
        console: Console,
        tasks: list["asyncio.Task[None]"],
    ) -> None:
        tick_s = 0.0
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while self._look(everything, board, positions):
                now_s = time.monotonic()
                if now_s - tick_s >= _TICK_S:
                    tick_s = now_s
                    board.tick(now_s)
                width, height = console.size
                live.update(render(board, self._frame(), width=width, height=height), refresh=True)
                await _pause(_FRAME_S, tasks)

    async def _show_lines(
        self,
        everything: Everything,
        board: Board,
        positions: Positions,
        console: Console,
        lines: LineBudget,
        tasks: list["asyncio.Task[None]"],
    ) -> None:
        _print(console, f"{self.title}, speed {self.speed:g}, broker {self.settings.kafka_bootstrap_servers}")
        if self.console_url is not None:
            _print(console, f"console: {self.console_url}")
        tick_s = status_s = time.monotonic()
        while self._look(everything, board, positions):
            now_s = time.monotonic()
            if now_s - tick_s >= _TICK_S:
                tick_s = now_s
                board.tick(now_s)
            if now_s - status_s >= STATUS_EVERY_S:
                status_s = now_s
                if held_back := lines.held_back():
                    _print(console, f"-- {held_back:,} more changes, not shown")
                _print(console, status_line(board, self._frame()))
            await _pause(_FRAME_S, tasks)


async def _pause(seconds: float, tasks: list["asyncio.Task[None]"]) -> None:
    """Waits; raises what one of the tasks has met. A task that is done with its work is no reason to end."""
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


async def _remove_topics(settings: Settings, names: list[str]) -> None:
    """As far as the broker lets us, and in bounded time: nothing depends on it."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_REMOVE_TIMEOUT_S):
            admin = await connect_admin(settings)
            try:
                await admin.delete_topics(names)
            finally:
                await admin.close()


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _summary(show: Demo, board: Board, console: Console) -> None:
    """Prints the summary of a demo that is over."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("segment", no_wrap=True)
    for title in ("members", "at most", "entered", "exited", "updated"):
        table.add_column(title, justify="right")
    for row in sorted(board.segments.values(), key=lambda row: row.name):
        if row.entered:
            numbers = (row.members, row.members_max, row.entered, row.exited, row.updated)
            table.add_row(row.name, *(f"{number:,}" for number in numbers))
    if table.row_count:
        console.print(table)
    took_s = time.monotonic() - show.started_s
    first = "" if board.first_change_s is None else f", the first after {board.first_change_s - show.started_s:.1f} s"
    clock = "" if board.shop_ms < 0 else f"; shop time {show_instant(board.shop_ms)}"
    _print(console, f"{show.title}: {took_s:.0f} s at speed {show.speed:g}{clock}")
    _print(console, f"{board.events:,} events ({show.source.summary()}); {board.changes:,} changes{first}")
    _print(console, f"from an event to its change: {latency(board)}")
