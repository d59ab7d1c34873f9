"""faust-streaming: an agent, and a table with a changelog; a write of the table an event, or a batch by `take_events`.

As fast as its documentation knows how: uvloop, JSON by orjson, the Cython extension (in its wheels), tables in memory,
batches of the producer.
"""

import logging
from typing import Any

import faust
from mode.loop import use
from mode.worker import Worker

from tests.benchmarks.peers.programs.arguments import Arguments, read_arguments
from tests.benchmarks.peers.programs.window_rules import Profile, encode, follow

#: Longest wait for a full batch.
TAKE_WITHIN_S = 0.1
#: Its default sends each change and each write of the table separately.
LINGER_S = 0.1
BATCH_BYTES_MAX = 1 << 20


def create_app(arguments: Arguments) -> faust.App:
    """The application, not started."""
    app = faust.App(
        arguments.output_topic,
        broker=f"kafka://{arguments.bootstrap}",
        store="memory://",
        datadir=str(arguments.state),
        topic_partitions=4,
        topic_disable_leader=True,
        web_enabled=False,
        producer_linger=LINGER_S,
        producer_max_batch_size=BATCH_BYTES_MAX,
        processing_guarantee="exactly_once" if arguments.exactly_once else "at_least_once",
    )
    events = app.topic(arguments.input_topic, key_type=bytes, value_serializer="json")
    changes = app.topic(arguments.output_topic, key_type=bytes, value_type=bytes)
    batched = arguments.take > 1
    # A batch mixes events of several partitions: so the key decides the changelog partition, not the event.
    profiles = app.Table("profiles", key_type=bytes, use_partitioner=batched)

    async def write(event: Any, said: list[tuple[str, str]]) -> None:
        user: bytes = event.key
        for segment, action in said:
            await changes.send(key=user, value=encode(user.decode(), segment, action, _instant_ms(event)))

    async def each(stream: Any) -> None:
        async for event in stream.events():
            profile: Profile = profiles.get(event.key) or {}
            said, changed = follow(profile, event.value, _instant_ms(event))
            if changed:
                profiles[event.key] = profile
                await write(event, said)

    async def batches(stream: Any) -> None:
        async for batch in stream.take_events(arguments.take, within=TAKE_WITHIN_S):
            dirty: dict[bytes, Profile] = {}
            for event in batch:
                profile = dirty.get(event.key) or profiles.get(event.key) or {}
                said, changed = follow(profile, event.value, _instant_ms(event))
                if changed:
                    dirty[event.key] = profile
                    await write(event, said)
            for user, profile in dirty.items():
                profiles[user] = profile

    app.agent(events)(batches if batched else each)
    return app


def _instant_ms(event: Any) -> int:
    seconds: float = event.message.timestamp
    return round(seconds * 1_000)


def main() -> None:
    """Runs until it is told to end."""
    use("uvloop")
    app = create_app(read_arguments())
    # As in its examples: `-l info`. Above that, a spinner turns each debug message into a log record.
    worker: Worker = faust.Worker(app, loglevel=logging.INFO, redirect_stdouts=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
