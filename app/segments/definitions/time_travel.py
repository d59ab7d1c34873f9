"""The `tests` of a definition file: invented events, and what must hold when."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import yaml

from app.events.user_ids import USUAL_IDS
from app.segments.definitions.definition import Expectation, TestCase, TestEvent
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import json_value
from app.segments.language.suggestions import closest

DEFAULT_START = "2026-01-05T00:00:00Z"
"""A Monday."""

DEFAULT_USER = "visitor"
"""The anonymousId of events that name no user."""

TEST_KEYS = ("name", "start", "events", "expect")
EVENT_TYPES = ("track", "page", "screen", "identify", "group", "alias")
EVENT_KEYS = (
    *("at", "time", "event", "type", "name", "properties", "traits", "context"),
    *("messageId", "userId", "anonymousId", "groupId", "previousId"),
)
EXPECTATION_KEYS = ("at", "in", "attach")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?P<zone>[Zz]|[-+]\d\d:?\d\d)?")


def read_tests(fields: Fields, attached: Collection[str]) -> tuple[TestCase, ...]:
    """The test cases under the key `tests`; `attached` are the names under `attach`."""
    example = "name: ..., then events and expect"
    return tuple(_test(fields.source, node, attached) for node in fields.mappings("tests", example))


def _test(source: YamlSource, node: yaml.MappingNode, attached: Collection[str]) -> TestCase:
    fields = Fields(source, node, TEST_KEYS, "a test")
    for key in ("name", "expect"):
        if key not in fields:
            fields.wrong(key, f"a test needs {key}")
    start_ms = _start_ms(fields)
    known = len(source.problems)
    events = [_event(source, item, start_ms) for item in fields.mappings("events", "{at: 0m, event: Product Viewed}")]
    if len(source.problems) == known:
        _check_order(fields, [event.at_ms for event in events])
    expect = [_expectation(source, item, attached) for item in fields.mappings("expect", "{at: 1m, in: true}")]
    _check_one_user(fields, events)
    return TestCase(
        name=fields.text("name"),
        start_ms=start_ms,
        events=tuple(events),
        expect=tuple(sorted(expect, key=lambda expectation: expectation.at_ms)),
        line=source.line(node),
    )


def _start_ms(fields: Fields) -> int:
    text = fields.text("start", DEFAULT_START)
    match = _INSTANT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        fields.wrong("start", f"start is {text}, which is no instant", f"write it like {DEFAULT_START}")
        return 0
    if instant.tzinfo is None:
        time = "" if ":" in text else "T00:00:00"
        fields.wrong("start", "start needs a time zone", f"write {text.replace(' ', 'T')}{time}Z for UTC")
        return 0
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _at_ms(fields: Fields, what: str) -> int:
    if "at" not in fields:
        fields.wrong("at", f"{what} needs at", "write at: 5m for five minutes after the start of the test")
    return fields.duration("at") or 0


def _event(source: YamlSource, node: yaml.MappingNode, start_ms: int) -> TestEvent:
    fields = Fields(source, node, EVENT_KEYS, "an event")
    at_ms = _at_ms(fields, "an event")
    time_ms = fields.duration("time")
    message: dict[str, Any] = {"type": _type(fields)}
    for key in ("event", "name"):
        if key in fields:
            message[key] = _as_written(fields, key)
    for key in ("properties", "traits", "context"):
        mapping = fields.mapping(key)
        if mapping is not None:
            message[key] = _object(source, mapping)
    for key in ("messageId", "userId", "anonymousId", "groupId", "previousId"):
        if key in fields:
            message[key] = _as_written(fields, key)
    if "userId" not in message and "anonymousId" not in message:
        message["anonymousId"] = DEFAULT_USER
    ids = [message[key] for key in ("userId", "anonymousId") if key in message]
    if None not in ids and USUAL_IDS.user_in(message) is None:
        fields.wrong(
            "userId" if "userId" in fields else "anonymousId",
            "the event is of nobody: this is no id of a user",
            "give the id of a user, or none",
            "values such as undefined, null and 0 name nobody",
        )
    if time_ms is not None:
        instant = _EPOCH + timedelta(milliseconds=start_ms + time_ms)
        message["timestamp"] = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return TestEvent(at_ms, message)


def _as_written(fields: Fields, key: str) -> str:
    """A text with the blanks around it: for a worker, an event with them is another one."""
    node = fields.scalar(key)
    return node.value if node is not None else ""


def _object(source: YamlSource, node: yaml.MappingNode) -> Any:
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            source.wrong(key, "a key is a word, not a list or a mapping", "put the value in double quotes")
        elif key.value in values:
            source.wrong(key, f"{key.value} stands here twice", "leave one of them out")
        else:
            values[key.value] = json_value(source, value)
    return values


def _type(fields: Fields) -> str:
    if "type" not in fields and "event" not in fields:
        fields.wrong("event", "an event needs a name or a type", "write event: Product Viewed, or type: page")
    kind = fields.choice("type", EVENT_TYPES)
    if kind != "track" and "event" in fields:
        fields.wrong("event", f"a message of type {kind} has no event name", "leave event or type out")
    if fields.text("type") == "track" and "event" not in fields:
        fields.wrong("type", "an event of type track needs a name", "write event: Product Viewed")
    if kind not in ("page", "screen") and "name" in fields:
        fields.wrong("name", f"a message of type {kind} has no name", "write properties: {name: ...}")
    if kind == "identify" and "properties" in fields:
        fields.wrong("properties", "a message of type identify has traits, not properties", "write traits:")
    if kind != "identify" and kind != "group" and "traits" in fields:
        fields.wrong("traits", f"a message of type {kind} has no traits", "write context: {traits: {...}}")
    return kind


def _expectation(source: YamlSource, node: yaml.MappingNode, attached: Collection[str]) -> Expectation:
    fields = Fields(source, node, EXPECTATION_KEYS, "an expectation")
    at_ms = _at_ms(fields, "an expectation")
    if "in" not in fields and "attach" not in fields:
        source.wrong(node, "an expectation needs in", "write in: true or in: false")
    inside = fields.boolean("in") if "in" in fields else None
    attach = None
    mapping = fields.mapping("attach")
    if mapping is not None:
        attach = _object(source, mapping)
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode) and key.value not in attached:
                match = closest(key.value, attached)
                hint = f"did you mean {match}?" if match else "the names stand under attach of the segment"
                source.wrong(key, f"{key.value} is not attached by this segment", hint)
    return Expectation(at_ms, inside, attach, source.line(node))


def _check_order(fields: Fields, instants: list[int]) -> None:
    node = fields.get("events")
    if not isinstance(node, yaml.SequenceNode) or len(node.value) != len(instants):
        return
    for item, (earlier, later) in zip(node.value[1:], pairwise(instants), strict=True):
        if later < earlier:
            fields.source.wrong(
                item,
                "events stand in the order in which they arrive",
                "move it up; for an event that arrives late write at: (arrival) and time: (its own time)",
            )


def _check_one_user(fields: Fields, events: list[TestEvent]) -> None:
    users = {USUAL_IDS.user_in(event.message) for event in events}
    if len(users) > 1:
        fields.wrong(
            "events",
            "all events of a test must be of one user",
            "give all of them the same userId, or none",
            "a user is the userId, else the anonymousId",
        )
