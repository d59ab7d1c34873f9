"""The `tests` of a definition file: invented events, and what must hold when."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import yaml

from app.events.list_record import is_list_name
from app.events.message import LIST
from app.events.user_ids import USUAL_IDS
from app.segments.definitions import definition_format as form
from app.segments.definitions.definition import Expectation, TestCase, TestEvent
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_instants import instant_ms_of
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import json_value, scalar_value
from app.segments.language import syntax as s
from app.segments.language.population_checks import population_names
from app.segments.language.suggestions import closest, listed

_NOT_WITH_LISTS = tuple(
    key.name for key in (form.EVENT_TIME, form.EVENT_TYPE, *form.EVENT_NAMES, *form.EVENT_VALUES, form.EVENT_IDS[0])
)
POPULATION = "population"
"""In place of the type of a message: numbers of all users."""
DEFAULT_USER = "visitor"
"""The anonymousId of events that name no user."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_tests(fields: Fields, attached: Collection[str], asked: Iterable[s.Node]) -> tuple[TestCase, ...]:
    """The test cases under the key `tests`; `attached` are the names under `attach`, `asked` the conditions."""
    numbers = population_names(asked)
    return tuple(_test(fields.source, node, attached, numbers) for node in form.TESTS.read(fields))


def _test(
    source: YamlSource, node: yaml.MappingNode, attached: Collection[str], numbers: Mapping[str, list[str]]
) -> TestCase:
    fields = form.TEST.fields(source, node)
    start_ms = _start_ms(fields)
    known = len(source.problems)
    events = [_population(source, item, numbers) or _event(source, item, start_ms) for item in form.EVENTS.read(fields)]
    events = _with_users(events)
    if len(source.problems) == known:
        _check_order(fields, [event.at_ms for event in events])
    expect = [_expectation(source, item, attached) for item in form.EXPECT.read(fields)]
    _check_users(fields, events, expect)
    return TestCase(
        name=form.TEST_NAME.read(fields),
        start_ms=start_ms,
        events=tuple(events),
        expect=tuple(sorted(expect, key=lambda expectation: expectation.at_ms)),
        line=source.line(node),
    )


def _start_ms(fields: Fields) -> int:
    return instant_ms_of(fields, "start", form.START.read(fields), example=form.DEFAULT_START)


def _event(source: YamlSource, node: yaml.MappingNode, start_ms: int) -> TestEvent:
    fields = form.EVENT.fields(source, node)
    at_ms = form.EVENT_AT.read(fields) or 0
    time_ms = form.EVENT_TIME.read(fields)
    message: dict[str, Any] = _list_message(fields) or {"type": _type(fields)}
    for key in form.EVENT_NAMES:
        if (text := key.read(fields)) is not None:
            message[key.name] = text
    for values in form.EVENT_VALUES:
        if (mapping := values.read(fields)) is not None:
            message[values.name] = _object(source, mapping)
    for key in form.EVENT_IDS:
        if (text := key.read(fields)) is not None:
            message[key.name] = text
    if (text := form.EVENT_AS.read(fields)) is not None:
        if "anonymousId" in fields:
            fields.wrong("as", "as is the anonymousId of the event, which it has already", "leave one of them out")
        else:
            message["anonymousId"] = text
    if "userId" not in message and "anonymousId" not in message:
        message["anonymousId"] = DEFAULT_USER
    ids = [message[key] for key in ("userId", "anonymousId") if key in message]
    if None not in ids and USUAL_IDS.user_in(message) is None:
        fields.wrong(
            "userId" if "userId" in fields else "anonymousId",
            "the event has no user: this value is not an id",
            "give the id of a user, or none",
            "values such as undefined, null and 0 name no user",
        )
    if time_ms is not None:
        instant = _EPOCH + timedelta(milliseconds=start_ms + time_ms)
        message["timestamp"] = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return TestEvent(at_ms, message)


def _population(source: YamlSource, node: yaml.MappingNode, numbers: Mapping[str, list[str]]) -> TestEvent | None:
    """An entry that says the numbers of all users; None for another."""
    if not any(isinstance(key, yaml.ScalarNode) and key.value == "population" for key, _ in node.value):
        return None
    fields = form.EVENT.fields(source, node)
    at_ms = form.EVENT_AT.read(fields) or 0
    others = (
        form.EVENT_TIME,
        form.EVENT_TYPE,
        *form.EVENT_NAMES,
        *form.EVENT_VALUES,
        *form.EVENT_IDS,
        *form.EVENT_LISTS,
    )
    for other in (key.name for key in (*others, form.EVENT_AS, *form.EVENT_LISTS) if key.name in fields):
        fields.wrong("population", "population stands in place of an event", f"leave {other} out")
    mapping = form.EVENT_POPULATION.read(fields)
    found: dict[str, int | float | None] = {}
    for key, value in [] if mapping is None else mapping.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        number = json_value(source, value)
        if name not in numbers:
            hint = f"it compares with {listed(sorted(numbers))}" if numbers else "compare with >= top(10%) for that"
            source.wrong(key, f"this definition does not compare with {name or 'that'}", hint)
        elif number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            source.wrong(value, f"the number of {name} is not a number", "write 250, or null for none")
        else:
            found |= dict.fromkeys(numbers[name], number)
    return TestEvent(at_ms, {"type": POPULATION, "numbers": found})


def _with_users(events: list[TestEvent]) -> list[TestEvent]:
    """Numbers of all users belong to nobody: they are given the ids of an event, so that a test has one user."""
    ids = ("userId", "anonymousId")
    known = next((each.message for each in events if each.message["type"] != POPULATION), {"anonymousId": DEFAULT_USER})
    own = {name: known[name] for name in ids if name in known}
    return [
        TestEvent(each.at_ms, {**each.message, **own}) if each.message["type"] == POPULATION else each
        for each in events
    ]


def _list_message(fields: Fields) -> dict[str, Any] | None:
    """The message in place of an event where the user is put on a static list, or taken off it; else None."""
    found: dict[str, Any] | None = None
    for key in form.EVENT_LISTS:
        name = key.read(fields)
        if name is None:
            continue
        if not is_list_name(name):
            fields.wrong(key.name, f"{name!r:.80} is no name of a list", "small letters, digits and hyphens: vip")
        found = {"type": LIST, "list": name, "is_on": key.name == "on_list"}
        for other in _NOT_WITH_LISTS:
            if other in fields:
                fields.wrong(key.name, f"{key.name} stands in place of an event", f"leave {other} out")
    if "on_list" in fields and "off_list" in fields:
        fields.wrong("off_list", "off_list contradicts on_list", "write two entries, in the order in which they come")
    return found


def _object(source: YamlSource, node: yaml.MappingNode) -> Any:
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            source.wrong(key, "a key is a word, not a list or a mapping", "put the value in double quotes")
        elif key.value in values:
            source.wrong(key, f"{key.value} appears twice", "leave one of them out")
        else:
            values[key.value] = json_value(source, value)
    return values


def _type(fields: Fields) -> str:
    if "type" not in fields and "event" not in fields:
        fields.wrong("event", "an event needs a name or a type", "write event: Product Viewed, or type: page")
    kind = form.EVENT_TYPE.read(fields)
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
    fields = form.EXPECTATION.fields(source, node)
    at_ms = form.EXPECTED_AT.read(fields) or 0
    if "in" not in fields and "attach" not in fields:
        source.wrong(node, "an expectation needs in", "write in: true or in: false")
    inside = form.EXPECTED_IN.read(fields)
    attach = None
    mapping = form.EXPECTED_ATTACH.read(fields)
    if mapping is not None:
        attach = _object(source, mapping)
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode) and key.value not in attached:
                match = closest(key.value, attached)
                hint = f"did you mean {match}?" if match else "the names are those under attach of the segment"
                source.wrong(key, f"{key.value} is not attached by this segment", hint)
    asked = form.EXPECTED_VALUE.read(fields)
    value = None if asked is None else scalar_value(asked)
    return Expectation(at_ms, inside, attach, source.line(node), form.EXPECTED_AS.read(fields), value)


def _check_order(fields: Fields, instants: list[int]) -> None:
    node = fields.get("events")
    if not isinstance(node, yaml.SequenceNode) or len(node.value) != len(instants):
        return
    for item, (earlier, later) in zip(node.value[1:], pairwise(instants), strict=True):
        if later < earlier:
            fields.source.wrong(
                item,
                "write events in the order in which they arrive",
                "move it up; for an event that arrives late write at: (arrival) and time: (its own time)",
            )


def _check_users(fields: Fields, events: list[TestEvent], expect: list[Expectation]) -> None:
    """A test is about one user; with a login, about the keys of one, or it says about whom each expectation is."""
    users = {USUAL_IDS.user_in(event.message) for event in events}
    named = {each.user for each in expect if each.user is not None}
    for user in sorted(named - users):
        fields.wrong(
            "expect",
            f"no event of this test is of {user}",
            f"as names the userId or anonymousId of an event, not {user}",
        )
    if len(users) > 1 and not named and not _is_login(events, users):
        fields.wrong(
            "events",
            "all events of a test must be of one user",
            "give all of them the same userId, or none",
            "a user is the userId, else the anonymousId",
        )


def _is_login(events: list[TestEvent], users: set[str | None]) -> bool:
    """True if some event says that the keys of all events are those of one person."""
    joined = {USUAL_IDS.id_of(event.message.get("anonymousId")) for event in events if "userId" in event.message}
    known = {USUAL_IDS.id_of(event.message["userId"]) for event in events if "userId" in event.message}
    return len(known) == 1 and users <= joined | known
