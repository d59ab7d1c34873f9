"""The JSON Schema of definition files: gives editors completion and first checks. The real checks are the catalog's."""

from typing import Any

from app.segments.definitions.catalog_settings import SETTINGS_KEYS
from app.segments.definitions.definition_file import ATTACH_MAX, NAME_LENGTH_MAX, POINTS_MAX, STATUSES, WARMUPS
from app.segments.definitions.time_travel import DEFAULT_START, EVENT_TYPES
from app.segments.language.functions import AGGREGATES, AggregateFunction

_Schema = dict[str, Any]

NAME_PATTERN = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
DURATION_PATTERN = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"


def schema() -> _Schema:
    """The JSON Schema (draft 2020-12) of one definition file, as plain values."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shoal definition",
        "description": "A segment or a score of Shoal, or catalog.yaml: what holds for all of them.",
        "type": "object",
        "if": {"required": ["score"]},
        "then": {"$ref": "#/$defs/score"},
        "else": {
            "if": {"anyOf": [{"required": [key]} for key in SETTINGS_KEYS]},
            "then": {"$ref": "#/$defs/settings"},
            "else": {"$ref": "#/$defs/segment"},
        },
        "$defs": {
            "settings": _settings(),
            "order": _order(),
            "segment": _segment(),
            "score": _score(),
            "points": _points(),
            "test": _test(),
            "event": _event(),
            "expectation": _expectation(),
            "name": {"type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_LENGTH_MAX},
            "duration": {
                "type": "string",
                "pattern": DURATION_PATTERN,
                "minLength": 2,
                "description": "A number with its unit, largest unit first: 90s, 30m, 24h, 7d, 1h30m.",
            },
            "expression": {
                "type": ["string", "number", "boolean"],
                "description": "An expression of the definition language: cart.items > 0 and cart.idle >= 30m. "
                f"Functions of events: {', '.join(map(_written, AGGREGATES.values()))}.",
            },
        },
    }


def _written(function: AggregateFunction) -> str:
    """Returns the way to write a function."""
    return f"{function.name}({f'{function.example} of ' if function.of_property else ''}'...')"


def _text(description: str) -> _Schema:
    return {"type": ["string", "number"], "description": description}


def _ref(name: str, description: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}", "description": description}


def _closed(properties: dict[str, _Schema], description: str, **more: Any) -> _Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _for_people() -> dict[str, _Schema]:
    return {
        "title": _text("A short title, for people."),
        "description": _text("What it is for, in words."),
        "owner": _text("Who is responsible."),
        "tags": {"type": "array", "items": _text("A tag."), "description": "Words to find it by."},
    }


def _segment() -> _Schema:
    return _closed(
        {
            "segment": _ref("name", "The name of the segment: small letters, digits, -, at most 64 characters."),
            **_for_people(),
            "when": _ref("expression", "In the segment exactly while this is true."),
            "enter": _ref("expression", "Enters when this is true and exit is not. Goes with exit."),
            "exit": _ref("expression", "Leaves when this is true. Goes with enter."),
            "for": _ref("duration", "Must have been true without a break this long before entering."),
            "hold": _ref("duration", "Once in, stays at least this long."),
            "cooldown": _ref("duration", "Once out, does not enter again this long."),
            "attach": {
                "type": "object",
                "description": "Named values sent with each change.",
                "additionalProperties": {"$ref": "#/$defs/expression"},
                "minProperties": 1,
                "maxProperties": ATTACH_MAX,
            },
            "updates": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Names out of attach: while in, a change of one of them writes a change updated.",
            },
            "warmup": {
                "enum": list(WARMUPS),
                "default": WARMUPS[0],
                "description": "wait: no changes until the windows of the segment have been seen in full.",
            },
            "topic": {
                "type": "boolean",
                "default": False,
                "description": "Also write the changes to the topic segment.<name>.",
            },
            "status": {
                "enum": list(STATUSES),
                "default": STATUSES[0],
                "description": "draft: tests and backtests only; retired: everyone exits.",
            },
            "tests": {"type": "array", "items": {"$ref": "#/$defs/test"}, "description": "Time-travel tests."},
        },
        "A segment: who belongs to it, and when.",
        required=["segment"],
        oneOf=[{"required": ["when"]}, {"required": ["enter", "exit"]}],
        dependentRequired={"enter": ["exit"], "exit": ["enter"]},
    )


def _settings() -> _Schema:
    return _closed(
        {"order": _ref("order", "Events wait for those that happened before them.")},
        "catalog.yaml: what holds for all definitions of the folder.",
    )


def _order() -> _Schema:
    return _closed(
        {"wait": _ref("duration", "How long, such as 5s; at most 10m. Every change comes later by so much.")},
        "Events of a user that overtake each other on their way are put in the order of their own times.",
        required=["wait"],
    )


def _score() -> _Schema:
    return _closed(
        {
            "score": _ref("name", "The name of the score."),
            **_for_people(),
            "half_life": _ref("duration", "Points of events lose half their worth in this time."),
            "within": _ref("duration", "Points of an event count while it is in this window."),
            "points": {
                "type": "array",
                "items": {"$ref": "#/$defs/points"},
                "minItems": 1,
                "maxItems": POINTS_MAX,
                "description": "What gives points.",
            },
        },
        "A weighted score, used as score('name') >= 50.",
        required=["score", "points"],
        **{"not": {"required": ["half_life", "within"]}},
    )


def _points() -> _Schema:
    return _closed(
        {
            "on": _text("An event pattern: the points are added at each such event."),
            "when": _ref("expression", "A condition: the points count while it is true."),
            "add": {"type": "number", "description": "How many points."},
        },
        "Points for an event or for a condition.",
        required=["add"],
        oneOf=[{"required": ["on"]}, {"required": ["when"]}],
    )


def _test() -> _Schema:
    return _closed(
        {
            "name": _text("What is tested, as a sentence."),
            "start": _text(f"When the test begins; {DEFAULT_START} if left out."),
            "events": {"type": "array", "items": {"$ref": "#/$defs/event"}, "description": "In order of arrival."},
            "expect": {"type": "array", "items": {"$ref": "#/$defs/expectation"}, "minItems": 1},
        },
        "Invented events, and what must hold when.",
        required=["name", "expect"],
    )


def _event() -> _Schema:
    values = {"type": "object"}
    return _closed(
        {
            "at": _ref("duration", "When it arrives, after the start of the test."),
            "time": _ref("duration", "Its own time, after the start of the test, where that differs from at."),
            "event": _text("The name of the event."),
            "type": {"enum": list(EVENT_TYPES), "default": EVENT_TYPES[0]},
            "name": _text("The name of a page or screen."),
            "properties": {**values, "description": "The properties of the event."},
            "traits": {**values, "description": "The traits of an identify message."},
            "context": {**values, "description": "Device, page, campaign, location ..."},
            "messageId": _text("An id by which repeats are recognised."),
            "userId": _text("Who it is; makes user.identified true."),
            "anonymousId": _text("Who it is, for somebody who is not known."),
            "groupId": _text("The group of a group message."),
            "previousId": _text("The former id of an alias message."),
        },
        "One event of a test.",
        required=["at"],
    )


def _expectation() -> _Schema:
    return _closed(
        {
            "at": _ref("duration", "When, after the start of the test and everything due at that instant."),
            "in": {"type": "boolean", "description": "Whether the user is in the segment."},
            "attach": {"type": "object", "description": "The values sent last."},
        },
        "What must hold.",
        required=["at"],
    )
