"""Short stories for tests of the oracle: definitions, events by hand, and what comes of them in one line a change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Advance, Merge, Record, instant_ms
from tests.model.oracle import Answer, Oracle, Step
from tests.model.plain import duration_text, instant_text

Messages = Sequence[Mapping[str, Any] | Advance | Merge]

START_MS = instant_ms("2026-01-05T00:00:00Z")
DAY_MS = 86_400_000
UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def ms(text: str) -> int:
    """`1h30m` in milliseconds."""
    total, digits, unit = 0, "", ""
    for character in text + "0":
        if character.isdigit() and unit:
            total += int(digits) * UNITS_MS[unit]
            digits, unit = "", ""
        if character.isdigit():
            digits += character
        else:
            unit += character
    return total


def event(at: str, name: str, properties: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A message whose own time is `at` after the start: of type `track`, or of the type that `name` is."""
    message: dict[str, Any] = {"anonymousId": "u", "timestamp": instant_text(START_MS + ms(at)), **more}
    if name in ("page", "screen", "identify", "group", "alias", "watermark"):
        message["type"] = name
    else:
        message |= {"type": "track", "event": name}
    if properties is not None:
        message["traits" if name == "identify" else "properties"] = properties
    return message


def answer(
    definitions: str | Sequence[str],
    messages: Messages,
    *,
    until: str,
    rules: TimeRules | None = None,
    every_ms: bool = False,
) -> Answer:
    """Returns the answer of the oracle; a definition that is only a condition is the segment `s`."""
    texts = [definitions] if isinstance(definitions, str) else definitions
    files = {
        f"{index}.yaml": text if text.startswith(("segment:", "score:")) else f"segment: s\nwhen: {json.dumps(text)}\n"
        for index, text in enumerate(texts)
    }
    steps: list[Step] = []
    for message in messages:
        if isinstance(message, Advance | Merge):
            steps.append(message)
        else:
            key = str(message.get("userId") or message.get("anonymousId")).encode()
            steps.append(Record(len(steps), -1, key, json.dumps(message).encode()))
    oracle = Oracle(load_catalog(files), rules or TimeRules(), every_ms=every_ms)
    return oracle.run(steps, clock_ms=START_MS + ms(until))


def told(
    definitions: str | Sequence[str],
    messages: Messages,
    *,
    until: str = "2d",
    rules: TimeRules | None = None,
) -> list[str]:
    """The changes of user `u`, one line each: `30m entered s`."""
    changes = answer(definitions, messages, until=until, rules=rules).changes.get("u", [])
    return [
        f"{duration_text(instant_ms(change['at']) - START_MS)} {change['change']} {change['segment']}"
        for change in changes
    ]


def attached(definitions: str | Sequence[str], messages: Messages, **more: Any) -> list[Any]:
    """The attached values of each change."""
    more.setdefault("until", "0s")
    return [change["attach"] for change in answer(definitions, messages, **more).changes.get("u", [])]


def value(expression: str, messages: Messages, *, at: str | None = None) -> Any:
    """The value of an expression after all events and one more, named `now`: at `at`, or with the time of the last."""
    definition = f"segment: s\nenter: exists('now')\nexit: never('now')\nattach:\n  x: {json.dumps(expression)}\n"
    now = event(at or "0s", "now")
    if at is None:
        last = messages[-1]
        assert not isinstance(last, Advance | Merge)
        now["timestamp"] = last["timestamp"]
    return attached(definition, [*messages, now])[-1]["x"]
