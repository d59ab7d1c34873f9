"""Port of a partition's life cycle to time, tasks, logs, the agent and the group.

`PartitionTask`, restore and delivery await only these methods. They know no event loop and no clock, so the same code
runs on asyncio and Kafka in a worker, and in the simulator on a simulated broker, in simulated time, with faults at
every step.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from app.runtime.kafka.log_reader import Fetched
from app.segments.partition.partition import Batch, Partition

T = TypeVar("T")


class WorkFailedError(Exception):
    """The agent or the core could not process a batch; `__cause__` says why.

    `suspect`: the offset of the record that was being processed, the `handed_out`-th; None if nobody can say.
    """

    def __init__(self, suspect: int | None, handed_out: int) -> None:
        super().__init__("the agent could not process a batch")
        self.suspect = suspect
        self.handed_out = handed_out


class Handle(Protocol):
    """A life that was spawned."""

    @property
    def done(self) -> bool:
        """True if it has ended, normally or not."""

    @property
    def error(self) -> BaseException | None:
        """The error it ended with; None if it has not ended, or was cancelled."""

    async def wait(self, limit_ms: float) -> None:
        """Until it has ended, or the time is over. Never raises what it ended with."""

    def cancel(self) -> None:
        """Ends it where it waits; what it has in hand is not completed."""


class Log(Protocol):
    """A position in one partition of a topic; see `LogReader`."""

    topic: str

    def seek(self, offset: int) -> None:
        """The next read begins at this offset."""

    async def earliest(self) -> int:
        """The first offset that the log still holds."""

    async def read(self, *, records_max: int, wait_ms: int) -> Fetched:
        """Up to `records_max` records, as soon as there are any; none if `wait_ms` have passed without.

        Raises OffsetLostError, and what does not pass by itself.
        """

    async def stop(self) -> None:
        """Ends what is being fetched ahead."""


class Connection(Protocol):
    """A connection for reading."""

    def log(self, topic: str, partition: int, *, committed_only: bool, on_progress: Callable[[], None]) -> Log:
        """A reader of one partition; `on_progress` is called whenever the broker has answered."""

    async def close(self) -> None:
        """The end of it and of its readers. Never raises, and does not take long."""


class Environment(Protocol):
    """Port to time, tasks, logs, the agent and the group. Limits are milliseconds."""

    def now_s(self) -> float:
        """Seconds of a clock that never goes back."""

    def wall_ms(self) -> int:
        """The wall clock, in milliseconds since the epoch."""

    def spawn(self, life: Coroutine[Any, Any, None], *, name: str) -> Handle:
        """Lets a life go on by itself."""

    async def within(self, what: Awaitable[T], *, limit_ms: float) -> T:
        """Its result; TimeoutError, and what it was doing is cancelled, when the time is over."""

    async def pause(self, ms: float) -> None:
        """Lets time pass; 0 gives way to others."""

    async def connect(self) -> Connection:
        """A connection to the brokers; KafkaError, OSError or TimeoutError if none answers."""

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
        """Lets the agent process records, a move of the clock, or a sweep. `closely`: see where it fails.

        Raises WorkFailedError.
        """

    async def still_member(self) -> bool:
        """Asks the group whether the assignment that this worker knows still holds. False also if nobody answers."""
