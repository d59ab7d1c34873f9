"""The runtime's `Environment`, its logs and its writer, on the simulated broker."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import TopicPartition

from app.runtime.kafka.log_reader import Fetched
from app.runtime.partition.environment import WorkFailedError
from app.segments.partition.partition import Batch, Partition
from app.settings import Settings
from tests.simulation.fibers import Fiber, Host, Step
from tests.simulation.group import Answer
from tests.simulation.network import Network

T = TypeVar("T")

START_MS = 1_736_035_200_000
FENCED = ProducerFenced, InvalidProducerEpoch
STARVED: tuple[Callable[[], Exception], ...] = (
    MemoryError,
    lambda: OSError(24, "Too many open files"),
    lambda: RecursionError("maximum recursion depth exceeded"),
)
"""What an agent meets on a machine where something has run out: nothing that is about a record."""
STARVED_MS = (0.0, 3_000.0, 10_000.0)


class SimulatedLog:
    """See `Log`."""

    def __init__(
        self,
        environment: "SimulatedWorld",
        topic: str,
        partition: int,
        *,
        committed_only: bool,
        on_progress: Callable[[], None],
    ) -> None:
        self.topic = topic
        self._environment = environment
        self._log = environment.network.broker.log(topic, partition)
        self._committed_only = committed_only
        self._on_progress = on_progress
        self._offset = 0

    def seek(self, offset: int) -> None:
        """See `Log`."""
        self._offset = offset

    async def earliest(self) -> int:
        """See `Log`."""
        return 0

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        """See `Log`. Fetches bring less than could be read, now and then."""
        environment, log = self._environment, self._log
        chance = environment.network.chance
        most = min(records_max, 1 + int(40 * chance.random()))
        offset = self._offset

        def ask() -> Fetched:
            return log.read(offset, most, committed_only=self._committed_only)

        fetched = await environment.call(f"reads {self.topic} from {offset}", ask)
        if wait_ms > 1 and not fetched.records and fetched.drained:
            arrival = Step(environment.network.times, environment.network.times.now_ms + wait_ms)
            log.watchers.append(arrival)
            await arrival
            fetched = ask()
        self._offset = fetched.next_offset
        self._on_progress()
        return fetched

    async def stop(self) -> None:
        """See `Log`."""


class SimulatedConnection:
    """See `Connection`."""

    def __init__(self, environment: "SimulatedWorld") -> None:
        self._environment = environment

    def log(self, topic: str, partition: int, *, committed_only: bool, on_progress: Callable[[], None]) -> SimulatedLog:
        """See `Connection`."""
        return SimulatedLog(self._environment, topic, partition, committed_only=committed_only, on_progress=on_progress)

    async def close(self) -> None:
        """See `Connection`."""


class SimulatedWriter:
    """Simulated part of `LogWriter` and its producer that `ExactlyOnce` and `AtLeastOnce` use."""

    def __init__(self, environment: "SimulatedWorld", partition: int, transactional_id: str | None) -> None:
        self._environment = environment
        self._partition = partition
        self._id = transactional_id
        self._owner: tuple[str, int] | None = None
        self._sending: list[Fiber] = []
        self.ends: dict[str, int] = {}

    @property
    def producer(self) -> "SimulatedWriter":
        """The other half of what it stands for."""
        return self

    async def open(self) -> None:
        """See `LogWriter`."""
        if (own := self._id) is not None:
            environment = self._environment
            environment.on_open(self._partition)
            epoch = await environment.call("fences", lambda: environment.fence(own, self._partition))
            self._owner = (own, epoch)

    async def begin_transaction(self) -> None:
        """Of the producer: nothing is sent for it."""

    async def commit_transaction(self) -> None:
        """Of the producer."""
        environment, owner = self._environment, self._owner
        assert owner is not None
        broker = environment.network.broker
        try:
            await environment.call("commits", lambda: broker.commit(owner))
        except FENCED:
            environment.on_fenced(self._partition)
            raise

    async def write(
        self,
        rows_by_topic: Iterable[tuple[str, Iterable[Any]]],
        *,
        elsewhere: Iterable[tuple[TopicPartition, Iterable[Any]]] = (),
    ) -> None:
        """See `LogWriter`: all topics at once, each one's rows in order, in one batch or two."""
        times, environment = self._environment.network.times, self._environment
        errors: list[Exception] = []
        sending = [
            times.spawn(self._send(topic, partition, list(rows), errors), environment.host, f"writes {topic}")
            for topic, partition, rows in (
                *((topic, self._partition, rows) for topic, rows in rows_by_topic),
                *((where.topic, where.partition, rows) for where, rows in elsewhere),
            )
        ]
        self._sending += sending
        for fiber in sending:
            await fiber.wait(float("inf"))
        errors.sort(key=lambda error: not isinstance(error, FENCED))
        if errors:
            if isinstance(errors[0], FENCED):
                self._environment.on_fenced(self._partition)
            raise errors[0]

    async def _send(self, topic: str, partition: int, rows: list[Any], errors: list[Exception]) -> None:
        environment, owner = self._environment, self._owner
        network = environment.network
        log = network.broker.log(topic, partition)
        cut = int(len(rows) * network.chance.random()) if network.chance.random() < 0.3 else 0
        for some in (rows[:cut], rows[cut:]):
            if not some:
                continue

            def ask(some: list[Any] = some) -> int:
                return network.broker.produce(log, some, environment.wall_ms(), owner)

            try:
                end = await environment.call(f"writes {topic}", ask, again=owner is None)
            except Exception as error:  # noqa: BLE001  # told by `write`
                errors.append(error)
                return
            self.ends[topic] = max(end, self.ends.get(topic, 0))

    async def close(self) -> None:
        """See `LogWriter`."""

    async def abandon(self) -> None:
        """See `LogWriter`. What is on its way arrives all the same."""
        for fiber in self._sending:
            fiber.cancel()


class SimulatedWorld:
    """One worker's. `heartbeat` asks the group, `fence` begins a producer; `on_open` is told of a partition before a
    producer is asked for, `on_fenced` when one is refused."""

    def __init__(
        self,
        network: Network,
        host: Host,
        settings: Settings,
        *,
        heartbeat: Callable[[], Awaitable[Answer | None]],
        fence: Callable[[str, int], int],
        on_open: Callable[[int], None],
        on_fenced: Callable[[int], None],
    ) -> None:
        self.network = network
        self.host = host
        self.fence = fence
        self.on_open = on_open
        self.on_fenced = on_fenced
        self._settings = settings
        self._heartbeat = heartbeat
        self._starved_until_ms = -1.0
        self._starved_by: Callable[[], Exception] = MemoryError

    async def call(self, name: str, ask: Callable[[], T], *, again: bool = False) -> T:
        """One request to the broker."""
        return await self.network.call(self.host, name, ask, again=again)

    def now_s(self) -> float:
        """See `Environment`."""
        return self.network.times.now_ms / 1000

    def wall_ms(self) -> int:
        """See `Environment`."""
        return START_MS + int(self.network.times.now_ms)

    def spawn(self, life: Coroutine[Any, Any, None], *, name: str) -> Fiber:
        """See `Environment`."""
        return self.network.times.spawn(life, self.host, name)

    async def within(self, what: Awaitable[T], *, limit_ms: float) -> T:
        """See `Environment`."""
        fiber = self.network.times.running
        assert fiber is not None
        return await fiber.within(what, limit_ms)

    async def pause(self, ms: float) -> None:
        """See `Environment`."""
        await self.network.times.rest(ms)

    async def connect(self) -> SimulatedConnection:
        """See `Environment`."""
        await self.call("connects", lambda: None)
        return SimulatedConnection(self)

    async def work(
        self,
        core: Partition,
        *,
        partition: int,
        offset: int,
        records: Sequence[Any] = (),
        clock_ms: int | None = None,
        sweep: int = 0,
        closely: bool = False,
    ) -> Batch:
        """See `Environment`. The agent fails, or hangs, now and then: before it has done something, or after. It is
        starved now and then, for a while: then each batch of records fails in its midst."""
        chance, times = self.network.chance, self.network.times
        handed_out = 0

        def watched() -> Iterable[Any]:
            nonlocal handed_out
            for record in records:
                handed_out += 1
                if starves and handed_out > len(records) // 2:
                    raise self._starved_by()
                yield record

        fault = ""
        if chance.random() < self.network.share * 0.5:
            faults = ("hangs", "fails before", "fails after")
            fault = chance.choice((*faults, "starves", "starves") if records else faults)
            self.network.faults += 1
            self.network.tell(f"{self.host.name}: the agent {fault} at offset {offset} of partition {partition}")
        if fault == "starves":
            self._starved_by = chance.choice(STARVED)
            self._starved_until_ms = times.now_ms + chance.choice(STARVED_MS)
        starves = times.now_ms <= self._starved_until_ms
        await times.rest(chance.random())
        try:
            if fault == "fails before":
                raise RuntimeError(fault)
            if sweep:
                outcome = core.sweep(sweep)
            elif clock_ms is not None:
                outcome = core.advance(clock_ms)
            else:
                outcome = core.process(watched() if closely or starves else records)
            if fault == "fails after":
                raise RuntimeError(fault)
        except Exception as error:
            suspect = None
            if closely and (0 < handed_out < len(records) or handed_out == len(records) == 1):
                suspect = records[handed_out - 1].offset
            raise WorkFailedError(suspect, handed_out) from error
        if fault == "hangs":
            await times.rest(self._settings.batch_timeout_ms)
            raise WorkFailedError(None, 0) from TimeoutError()
        return outcome

    async def still_member(self) -> bool:
        """See `Environment`."""
        return await self._heartbeat() is Answer.OK
