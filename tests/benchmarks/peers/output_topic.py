"""Reads the output topic of a run while it runs."""

from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.benchmarks.peers.moments import Moment
from tests.benchmarks.worker import PARTITIONS

WAIT_S: Final = 0.05
RECORDS_MAX: Final = 20_000
#: Time without a new record after which the output is complete.
END_S: Final = 2.0
_TIMEOUT_S: Final = 30.0


def make_topic(bootstrap: str, topic: str) -> None:
    """A new topic, of which nothing is ever deleted: records may carry the time of old events."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 4})  # its answers end when it is closed
    asked = client.create_topics(
        [NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1", "message.timestamp.type": "CreateTime"})]
    )
    asked[topic].result(_TIMEOUT_S)


class OutputReader:
    """Committed records of all partitions, from the beginning, as moments. Use with `with`."""

    def __init__(self, bootstrap: str, topic: str, read: Callable[[bytes], Moment]) -> None:
        self._read = read
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{topic}.reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "log_level": 4,  # warnings: it logs more at its end
            }
        )
        self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        self.found: Counter[Moment] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def more(self, within_s: float = WAIT_S) -> list[Moment]:
        """Returns new records; waits for the first of them, and may return none."""
        messages = self._consumer.consume(RECORDS_MAX, timeout=within_s)
        moments = []
        for message in messages:
            error = message.error()
            assert error is None, error
            value = message.value()
            assert isinstance(value, bytes), value
            moments.append(self._read(value))
        self.found.update(moments)
        return moments

    def rest(self) -> None:
        """Everything up to the end of a topic to which nobody writes any more."""
        while self.more(END_S):
            pass
