"""Bytewax: a stateful operator on batches, with recovery on: what changed is kept in SQLite every ten seconds.

Its Kafka sink knows no transactions: at least once, and no other way.
"""

from datetime import timedelta
from typing import Any

import bytewax.operators as op  # type: ignore[import-not-found]  # in an environment of its own
import orjson
from bytewax.connectors.kafka import (  # type: ignore[import-not-found]  # in an environment of its own
    KafkaSink,
    KafkaSinkMessage,
    KafkaSource,
)
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]  # in an environment of its own
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import (  # type: ignore[import-not-found]  # in an environment of its own
    RecoveryConfig,
    init_db_dir,
)
from bytewax.run import cli_main  # type: ignore[import-not-found]  # in an environment of its own

from tests.benchmarks.peers.programs.arguments import Arguments, read_arguments
from tests.benchmarks.peers.programs.window_rules import Profile, encode, follow

#: Its default is 1,000, for latency.
BATCH = 10_000
#: Its default: the interval at which changes become durable.
EPOCH = timedelta(seconds=10)


class UserLogic(StatefulBatchLogic):  # type: ignore[misc]  # its base is in an environment of its own
    """One user."""

    def __init__(self, profile: bytes | None) -> None:
        self.profile: Profile = {} if profile is None else orjson.loads(profile)

    def on_batch(self, values: list[tuple[bytes, dict[str, Any], int]]) -> tuple[list[Any], bool]:
        """The user's events of one batch."""
        written = [
            KafkaSinkMessage(user, encode(user.decode(), segment, action, at_ms))
            for user, message, at_ms in values
            for segment, action in follow(self.profile, message, at_ms)[0]
        ]
        return written, StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """Returns the state of the user."""
        return orjson.dumps(self.profile)


def read(messages: list[Any]) -> list[tuple[str, tuple[bytes, dict[str, Any], int]]]:
    """The messages of a batch, by user."""
    loads = orjson.loads
    return [(message.key.decode(), (message.key, loads(message.value), message.timestamp[1])) for message in messages]


def create_flow(arguments: Arguments) -> Any:
    """The dataflow."""
    flow = Dataflow("peer")
    source = KafkaSource([arguments.bootstrap], [arguments.input_topic], batch_size=BATCH)
    messages = op.input("events", flow, source)
    keyed = op.flat_map_batch("read", messages, read)
    changes = op.stateful_batch("follow", keyed, UserLogic)
    op.output(
        "changes",
        op.map("values", changes, lambda item: item[1]),
        KafkaSink([arguments.bootstrap], arguments.output_topic),
    )
    return flow


def main() -> None:
    """Runs until it is told to end."""
    arguments = read_arguments()
    init_db_dir(arguments.state, 1)
    cli_main(create_flow(arguments), epoch_interval=EPOCH, recovery_config=RecoveryConfig(arguments.state))


if __name__ == "__main__":
    main()
