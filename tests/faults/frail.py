"""A real Kafka that is hurt: killed, frozen, or with the ends of its transactions spoilt on the way."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.deployment import passes
from tests.faults.proxy import HOWS, Proxy
from tests.faults.tally import Tally
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode
from tests.support.waiting import eventually

# Makes operations fast that take minutes on a default broker: aborting timed-out transactions, compaction.
SETTINGS: Final = {
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "1000",
}
STRUCK_S: Final = 20.0


class FrailKafka:
    """One node. All clients, and the node itself, come to it through the proxy."""

    def __init__(self, node: KafkaNode, proxy: Proxy) -> None:
        self.node = node
        self.proxy = proxy
        self._paused = False

    @property
    def address(self) -> str:
        """Address for clients."""
        return self.proxy.address

    async def die(self) -> None:
        """SIGKILL."""
        await asyncio.to_thread(self.node.kill)

    async def rise(self) -> None:
        """It is there again, on the same data."""
        await asyncio.to_thread(self.node.start)

    def pause(self) -> None:
        """SIGSTOP."""
        self.node.pause()
        self._paused = True

    def resume(self) -> None:
        """SIGCONT."""
        self.node.resume()
        self._paused = False

    async def mend(self) -> None:
        """Whole again, for the next test."""
        self.proxy.disarm()
        if self._paused:
            self.resume()
        if not self.node.running:
            await self.rise()

    async def suffer(self, kind: str, chance: random.Random, tally: Tally) -> str:
        """One fault of the kind, from beginning to end; says what it was."""
        if kind == "kill":
            away_s = chance.choice((0.0, 0.0, 1.0, 4.0))
            await self.die()
            await passes(away_s)
            await self.rise()
            tally.count("broker killed")
            return f"broker killed, away {away_s:.0f} s and its start"
        if kind == "pause":
            for_s = chance.uniform(0.5, 8.0)
            self.pause()
            await passes(for_s)
            self.resume()
            tally.count("broker frozen")
            return f"broker frozen for {for_s:.1f} s"
        how = chance.choice(HOWS)
        for_s = chance.uniform(0.2, 5.0)
        struck = self.proxy.struck
        self.proxy.arm(how, for_s=for_s)
        await eventually(lambda: self.proxy.struck > struck, within_s=STRUCK_S, what="a transaction ends")
        tally.count(f"end of a transaction: {how}")
        return f"the end of a transaction: {how}, {for_s:.1f} s"


@contextmanager
def frail_kafka_at(folder: Path, *, required: bool) -> Iterator[FrailKafka]:
    """A node that runs; skips where there is no Kafka, unless it is required."""
    proxy = Proxy()
    try:
        advertised = {"advertised.listeners": f"PLAINTEXT://{proxy.address}"}
        node = KafkaNode(folder, settings=SETTINGS | advertised)
    except KafkaUnavailableError as error:
        proxy.stop()
        if required:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    proxy.lead_to(int(node.bootstrap_servers.rpartition(":")[2]))
    try:
        with node:
            yield FrailKafka(node, proxy)
    finally:
        proxy.stop()
