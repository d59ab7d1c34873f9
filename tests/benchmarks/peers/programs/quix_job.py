"""Quix Streams by one stateful function for all rules, its state in RocksDB with a changelog topic."""

from collections.abc import Iterator
from typing import Any

import orjson
from quixstreams import Application, State  # type: ignore[import-not-found]  # in an environment of its own

from tests.benchmarks.peers.programs.arguments import Arguments, read_arguments
from tests.benchmarks.peers.programs.window_rules import encode, follow


def application(arguments: Arguments) -> tuple[Any, Any, Any]:
    """An application, its input and its output."""
    app = Application(
        broker_address=arguments.bootstrap,
        consumer_group=arguments.output_topic,
        auto_offset_reset="earliest",
        state_dir=arguments.state,
        loglevel="WARNING",
        processing_guarantee="exactly-once" if arguments.exactly_once else "at-least-once",
    )
    events = app.topic(arguments.input_topic, key_deserializer="str", value_deserializer="bytes")
    changes = app.topic(arguments.output_topic, key_serializer="str", value_serializer="bytes")
    return app, events, changes


def create_app(arguments: Arguments) -> Any:
    """The application, not started."""
    app, events, changes = application(arguments)
    frame = app.dataframe(events).apply(orjson.loads)
    frame.apply(advance, stateful=True, metadata=True, expand=True).to_topic(changes)
    return app


def advance(message: dict[str, Any], user: str, at_ms: int, _headers: Any, state: "State") -> Iterator[bytes]:
    """One event of one user."""
    profile = state.get("profile", default={})
    said, changed = follow(profile, message, at_ms)
    if changed:
        state.set("profile", profile)
    return (encode(user, segment, action, at_ms) for segment, action in said)


def main() -> None:
    """Runs until it is told to end."""
    create_app(read_arguments()).run()


if __name__ == "__main__":
    main()
