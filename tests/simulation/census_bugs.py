"""Mistakes that an engine and the coordinator could make with a census, planted one at a time."""

from typing import Any
from unittest.mock import patch

from app.runtime.delivery.delivery import Commit
from app.runtime.delivery.exactly_once import ExactlyOnce
from app.segments.partition.counted_users import CountedUsers
from app.segments.partition.live_catalog import LiveCatalog
from app.segments.partition.partition import Partition
from tests.simulation.broker import Log, SimulatedBroker
from tests.simulation.census import TRANSACTIONAL_ID
from tests.simulation.planted import WithDelivery, planted
from tests.simulation.run import Outcome, Run


@planted("numbers-forgotten", "a worker that is started again does not know the numbers of all users")
class NumbersForgotten(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        publish = LiveCatalog.publish

        def kept_to_itself(catalog: LiveCatalog, population: Any) -> None:
            written = catalog._written
            publish(catalog, population)
            catalog._written = written

        with patch.object(LiveCatalog, "publish", kept_to_itself):
            return super().play()


@planted("census-in-parts", "a coordinator that dies within a step has done a part of it")
class CensusInParts(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""
        produce = SimulatedBroker.produce

        def at_once(broker: SimulatedBroker, log: Log, rows: list[Any], wall_ms: int, owner: Any) -> int:
            is_census = owner is not None and owner[0] == TRANSACTIONAL_ID
            return produce(broker, log, rows, wall_ms, None if is_census else owner)

        with patch.object(SimulatedBroker, "produce", at_once):
            return super().play()


@planted("counted-as-it-is", "a census counts users whose timers are due and have not fired")
class CountedAsItIs(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""

        def only_encoded(partition: Partition) -> None:
            partition._encode_touched(partition._batch, set())

        with patch.object(Partition, "_reach_clock", only_encoded):
            return super().play()


@planted("unswept-counted", "a census does not wait for users whom new definitions have not evaluated")
class UnsweptCounted(Run):
    """See its meaning."""

    def play(self) -> Outcome:
        """Plays the run with the planted bug."""

        def only_timers(partition: CountedUsers) -> None:
            partition._reach_clock()

        with patch.object(CountedUsers, "_catch_up_all", only_timers):
            return super().play()


@planted("count-outside", "what a partition has counted is written before its batch is sure")
class CountOutside(WithDelivery):
    """See its meaning."""

    class delivery(ExactlyOnce):  # noqa: N801  # an attribute of the run
        """Writes the counts twice as soon as it can."""

        async def commit(self, commit: Commit) -> None:
            """Writes the counts in a transaction of their own."""
            counts = [each for each in commit.links if each[0].topic.endswith("population")]
            if counts:
                await super().commit(Commit(next_offset=-1, links=counts))
                commit.links = [each for each in commit.links if each not in counts]
            await super().commit(commit)
