"""Quix Streams by its own sliding windows: one for each rule, and behind it a stateful function that sees it fill."""

from functools import partial
from typing import Any

import orjson
from quixstreams.dataframe.windows.aggregations import (  # type: ignore[import-not-found]  # in an environment of its own
    Latest,
    Sum,
)

from tests.benchmarks.peers.programs.arguments import Arguments, read_arguments
from tests.benchmarks.peers.programs.quix_job import application
from tests.benchmarks.peers.programs.window_rules import RULES, Rule, counts, encode


def create_app(arguments: Arguments) -> Any:
    """The application, not started."""
    app, events, changes = application(arguments)
    messages = app.dataframe(events).apply(orjson.loads)
    for rule in RULES:
        counted = messages.apply(partial(amounts, rule), expand=True)
        # Its windows include both ends: one that begins with an event ends a millisecond before that event expires.
        windows = counted.sliding_window(rule.span_ms - 1, name=rule.segment)
        filled = windows.agg(total=Sum("amount"), last=Latest("amount")).current()
        filled.apply(partial(turn, rule), stateful=True, metadata=True, expand=True).to_topic(changes)
    return app


def amounts(rule: Rule, message: dict[str, Any]) -> list[dict[str, int]]:
    """Returns what a message counts for a rule, if anything."""
    return [{"amount": amount} for counted, amount in counts(message) if counted is rule]


def turn(rule: Rule, window: dict[str, int], user: str, _at_ms: int, _headers: Any, state: Any) -> list[bytes]:
    """The window that ends with an event: whether without the event it was full, and whether it is now."""
    inside = was_inside = state.get(rule.segment, default=False)
    said = []
    if inside and window["total"] - window["last"] < rule.needed:
        inside = False
        said.append(encode(user, rule.segment, "left", window["end"]))
    if not inside and window["total"] >= rule.needed:
        inside = True
        said.append(encode(user, rule.segment, "entered", window["end"]))
    if inside != was_inside:
        state.set(rule.segment, inside)
    return said


def main() -> None:
    """Runs until it is told to end."""
    create_app(read_arguments()).run()


if __name__ == "__main__":
    main()
