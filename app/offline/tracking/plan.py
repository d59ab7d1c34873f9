"""A tracking plan: which events a shop sends, and a JSON Schema for what each carries.

`track` has a schema for the properties of each event by its name; `page`, `screen` and `group` one for theirs;
`identify` one for the traits. A schema is one of draft 2020-12, so a plan can be edited, and read by other tools.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from app.errors import UserError
from app.offline.heard_message import EventKey

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TRACK: Final = "track"
TYPES: Final = ("page", "screen", "identify", "group")
"""Types of messages that have no name to tell them apart."""
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """`schemas`: of each event, that of its properties, or of its traits for an `identify`."""

    schemas: dict[EventKey, Schema]


def shown(key: EventKey) -> str:
    """The name of an event as people read it."""
    return key.kind if key.name is None else key.name


def write_plan(plan: TrackingPlan) -> bytes:
    """The plan as indented JSON, events in order of their names: the same bytes for the same plan."""
    document: dict[str, Any] = {"$schema": DIALECT, "title": "Tracking plan", TRACK: {}}
    for key in sorted(plan.schemas, key=shown):
        if key.name is not None:
            document[TRACK][key.name] = plan.schemas[key]
        else:
            document[key.kind] = plan.schemas[key]
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def read_plan(text: bytes, *, file: str) -> TrackingPlan:
    """The reverse. UserError for text that is no plan, or has a schema that is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}", hint="shoal tracking learn writes a plan") from None
    if not isinstance(document, dict):
        raise UserError(f"{file} is no tracking plan: an object is expected", hint="shoal tracking learn writes one")
    unknown = [name for name in document if name not in (TRACK, *TYPES) and name not in ("$schema", "title")]
    if unknown:
        raise UserError(
            f"{file}: there is no type of message {unknown[0]}",
            hint=f"a plan has {', '.join((TRACK, *TYPES))}; events by their names stand below {TRACK}",
        )
    named = document.get(TRACK, {})
    if not isinstance(named, dict):
        raise UserError(f"{file}: {TRACK} is no object", hint="it has a schema for each event, by its name")
    schemas = {EventKey(TRACK, name): schema for name, schema in named.items()}
    schemas |= {EventKey(name, None): document[name] for name in TYPES if name in document}
    for key, schema in schemas.items():
        _check(schema, f"{file}: {shown(key)}")
    return TrackingPlan(schemas)


def _check(schema: object, where: str) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        raise UserError(f"{where} has no schema but {json.dumps(schema)[:40]}", hint='such as {"type": "object"}')
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "the schema"
        raise UserError(f"{where}: {place} is no JSON Schema: {error.message[:200]}", hint=DIALECT) from None
    if isinstance(schema.get("$ref"), str):
        raise UserError(f"{where}: a schema cannot refer to another ($ref)", hint="write it where it is used")
