"""Instants in definition files."""

import re
from datetime import UTC, datetime, timedelta

from app.segments.definitions.yaml_fields import Fields

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?P<zone>[Zz]|[-+]\d\d:?\d\d)?")


def instant_ms_of(fields: Fields, key: str, text: str, *, example: str) -> int:
    """The instant that a text of a key says, in milliseconds; 0 after a problem."""
    match = _INSTANT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        fields.wrong(key, f"{key} is {text}, which is not an instant", f"write it like {example}")
        return 0
    if instant.tzinfo is None:
        time = "" if ":" in text else "T00:00:00"
        fields.wrong(key, f"{key} needs a time zone", f"write {text.replace(' ', 'T')}{time}Z for UTC")
        return 0
    return (instant - _EPOCH) // timedelta(milliseconds=1)
