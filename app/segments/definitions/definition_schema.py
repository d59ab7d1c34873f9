"""The JSON Schema of definition files: gives editors completion and first checks. The real checks are the catalog's."""

from app.segments.definitions.cleaning_format import CLEANING_RULES
from app.segments.definitions.definition_format import FORMS, IDENTITY, NAME_LENGTH_MAX, PURPOSES, SETTINGS
from app.segments.definitions.value_types import Schema
from app.segments.language.functions import AGGREGATES, AggregateFunction

NAME_PATTERN = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
DURATION_PATTERN = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"


def schema() -> Schema:
    """The JSON Schema (draft 2020-12) of one definition file, as plain values."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shoal definition",
        "description": "A segment or a score of Shoal, or a file for all: catalog.yaml, identity.yaml, consent.yaml or "
        "cleaning.yaml.",
        "type": "object",
        "if": {"required": ["score"]},
        "then": {"$ref": "#/$defs/score"},
        "else": {
            "if": {"anyOf": [_is_there(key) for key in SETTINGS.names]},
            "then": {"$ref": "#/$defs/settings"},
            "else": {
                "if": {"anyOf": [{"required": [key]} for key in IDENTITY.names]},
                "then": {"$ref": "#/$defs/identity"},
                "else": {
                    "if": {"required": [PURPOSES.name]},
                    "then": {"$ref": "#/$defs/consent"},
                    "else": {
                        "if": {"required": [CLEANING_RULES.name]},
                        "then": {"$ref": "#/$defs/cleaning"},
                        "else": {"$ref": "#/$defs/segment"},
                    },
                },
            },
        },
        "$defs": {
            **{form.name: form.schema() for form in FORMS},
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


def _is_there(key: str) -> Schema:
    """The condition that a file has a key of `catalog.yaml`; `identity.yaml` has `cart` with a word."""
    return {"required": [key]} | ({"properties": {key: {"type": "object"}}} if key in IDENTITY.names else {})


def _written(function: AggregateFunction) -> str:
    """Returns the way to write a function."""
    rank = "90, " if function.ranked else ""
    return f"{function.name}({rank}{f'{function.example} of ' if function.of_property else ''}'...')"
