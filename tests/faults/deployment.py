"""One deployment under attack: its topics, its simulated visitors, its worker processes."""

import random
import re
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.embedded.process import GuardedProcess
from app.main import load_program
from app.runtime.application import own_topics
from app.runtime.kafka.clients import connect
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import Settings, load_settings
from app.simulation.record import Homes, Record
from app.simulation.shop import Shop, ShopSettings
from app.simulation.writer import TopicWriter
from app.verification.topic_contents import Cluster, Positions
from tests.faults.tally import Tally
from tests.support.broker import Broker
from tests.support.waiting import eventually

ROOT: Final = Path(__file__).parents[2]
PARTITIONS: Final = 3
DAY_MS: Final = 86_400_000
START_MS: Final = 1_736_035_200_000  # 2025-01-05: brokers refuse what is ahead of their clock
PRODUCT: Final = "from app.cli.main import main; sys.exit(main())"
DOOMED: Final = "from tests.faults.doomed_worker import main; sys.exit(main())"
STOP_S: Final = 30.0
TERMINATED: Final = 128 + signal.SIGTERM
PROGRESS_S: Final = 60.0


class Deployment:
    """Use with `async with`. Workers have names; a name has one worker at a time. `given`: settings of the workers."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        folder: Path,
        *,
        given: Mapping[str, str] | None = None,
        replicas: int = 1,
        partitions: int = PARTITIONS,
        segments: Path | None = None,
    ) -> None:
        self.broker = broker
        self.tally = Tally()
        self.segments = segments or ROOT / "deploy" / "segments"
        self._folder = folder
        # Small batches without a pause: as many commits as possible, so that a kill hits one. A fast idle clock:
        # timers fire, and the journal is written, whenever a partition has nothing to read.
        self._given = {
            "session_timeout": "6s" if broker.transactions else "2s",
            "topic_prefix": f"{name}.",
            "batch_records_max": "20",
            "pace": "0ms",
            "idle_clock_speed": "600",
            **(given or {}),
        }
        self.settings: Settings = load_settings(
            {},
            kafka_bootstrap_servers=broker.bootstrap_servers,
            app_id=name,
            partitions=partitions,
            replication_factor=replicas,
            segments=self.segments,
            topic_prefix=self._given["topic_prefix"],
        )
        self.program = load_program(self.segments, self.settings.time_rules)
        self.workers: dict[str, GuardedProcess] = {}
        self._log_began: dict[str, int] = {}
        self.sent = 0
        self._stack = AsyncExitStack()
        self._writer: TopicWriter | None = None
        self._positions: Positions | None = None

    async def __aenter__(self) -> Self:
        async with self._stack:
            client = await connect(self.settings)
            self._stack.push_async_callback(client.close)
            specs = topic_specs(self.settings, sorted(own_topics(self.settings, self.program)))
            await ensure_topics(self.settings, client, specs)
            writer = TopicWriter(self.settings, partitions=self.settings.partitions)
            self._writer = await self._stack.enter_async_context(writer)
            cluster = await self._stack.enter_async_context(Cluster(self.settings))
            self._positions = await self._stack.enter_async_context(Positions(cluster))
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers.values():
            worker.kill()
        await self._stack.__aexit__(kind, error, trace)

    # ---- workers

    def start(
        self,
        name: str,
        *,
        doom: str | None = None,
        broken: str | None = None,
        linger: str | None = None,
        poison: bool = False,
        static: bool = False,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """A worker; with `doom` and the like it is the one of `doomed_worker`. Static members are replaced at once."""
        assert name not in self.workers or not self.workers[name].running, name
        pairs = self._given | dict(given or {})
        if static:
            pairs["group_instance_id"] = name
        special = {"doom": doom, "broken": broken, "linger": linger, "poison": "yes" if poison else None}
        options = [f"--{option}={value}" for option, value in special.items() if value is not None]
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {DOOMED if options else PRODUCT}"
        arguments = ["worker", "--segments", str(self.segments), "--partitions", str(self.settings.partitions)]
        arguments += ["--broker", self.settings.kafka_bootstrap_servers, "--app-id", self.settings.app_id]
        arguments += ["--set", *(f"{key}={value}" for key, value in pairs.items())]
        log = self._folder / f"{name}.log"
        self._log_began[name] = log.stat().st_size if log.exists() else 0
        self.workers[name] = GuardedProcess([sys.executable, "-c", program, *options, *arguments], log=log)

    def kill(self, name: str) -> None:
        """SIGKILL; gone when it returns."""
        self.workers[name].kill()
        self.tally.count("SIGKILL at a random moment")

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self.workers[name].signal(signal.SIGSTOP)
        self.tally.count("worker frozen")

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self.workers[name].signal(signal.SIGCONT)

    def end(self, name: str) -> None:
        """SIGTERM; the worker gives its partitions back and ends with 0, unless it had not even begun."""
        worker = self.workers[name]
        begun = worker.log.stat().st_size > self._log_began[name]
        worker.signal(signal.SIGTERM)
        code = worker.wait(STOP_S)
        assert code == 0 or (code == TERMINATED and not begun), worker.log_tail()

    def running(self) -> list[str]:
        """The names of the workers that live."""
        return [name for name, worker in self.workers.items() if worker.running]

    async def until_logged(self, name: str, text: str, *, times: int = 1, within_s: float = PROGRESS_S) -> None:
        """Until a worker's log has a text so often."""
        worker = self.workers[name]

        def said() -> bool:
            return worker.log.read_text().count(text) >= times

        await eventually(lambda: said() or not worker.running, within_s=within_s, what=f"{name} logs {text!r}")
        assert said(), worker.log_tail()

    async def until_member(self, name: str) -> None:
        """Until a worker that was just started has its first assignment."""
        worker, began = self.workers[name], self._log_began[name]

        def said() -> bool:
            return "assigned" in worker.log.read_text()[began:]

        await eventually(lambda: said() or not worker.running, within_s=PROGRESS_S, what=f"{name} is a member")
        assert said(), worker.log_tail()

    def assigned(self, name: str) -> set[int]:
        """The partitions that a worker had last."""
        told = re.findall(r"assigned \d+ of \d+ partitions of \S+: (.*)", self.workers[name].log.read_text())
        found = set()
        for each in re.findall(r"(\d+)(?:-(\d+))?", told[-1]):
            found |= set(range(int(each[0]), int(each[1] or each[0]) + 1))
        return found

    async def until_dead(self, name: str, *, within_s: float = PROGRESS_S) -> None:
        """Until a worker has ended by itself."""
        worker = self.workers[name]
        await eventually(lambda: not worker.running, within_s=within_s, what=f"{name} ends")
        worker.wait(STOP_S)
        self.tally.count("SIGKILL at a named point")

    # ---- input

    async def send(self, records: list[Record]) -> None:
        """Writes some input."""
        assert self._writer is not None
        for record in records:
            await self._writer.add(record)
        await self._writer.settle()
        self.sent += len(records)

    @property
    def done(self) -> int:
        """Input records that the committed positions have passed, over all partitions."""
        assert self._positions is not None
        return sum(self._positions[partition].offset for partition in range(self.settings.partitions))

    def offset(self, partition: int) -> int:
        """The committed position of a partition."""
        assert self._positions is not None
        return self._positions[partition].offset

    async def until_done(self, records: int, *, within_s: float = PROGRESS_S) -> None:
        """Until so many input records are committed."""
        await eventually(lambda: self.done >= records, within_s=within_s, what=f"{records} records are committed")

    async def random_moment(self, chance: random.Random) -> str:
        """Lets pass some time of a worker's start, or of its work; says which."""
        if chance.random() < 0.4 or self.done >= self.sent:
            for_s = chance.uniform(0.2, 4.0)
            told = f"{for_s:.2f} s later"
        else:
            target = chance.randint(self.done + 1, self.sent)
            await self.until_done(target)
            for_s = chance.uniform(0.0, 0.1)
            told = f"after {target} records and {1000 * for_s:.0f} ms"
        await passes(for_s)
        return told


async def passes(for_s: float) -> None:
    """Lets time pass: how long a fault lasts is part of the fault."""
    until_s = time.monotonic() + for_s
    await eventually(lambda: time.monotonic() >= until_s, within_s=for_s + 60)


def visits(events: int, *, seed: int) -> list[Record]:
    """Two days of a simulated shop, with repetitions, disorder and broken messages, as input records."""
    shop = ShopSettings(
        seed=seed,
        start_ms=START_MS,
        events_per_s=1,
        users=max(20, events // 20),
        history_ms=2 * DAY_MS,
        history_events=events,
        broken_share=0.01,
    )
    homes = Homes(PARTITIONS)
    return [homes.record(delivery) for delivery in islice(Shop(shop), events)]


def tell(text: str) -> None:
    """A line of the test's own output: shown when it fails, and with `-s`."""
    sys.stdout.write(f"{text}\n")
