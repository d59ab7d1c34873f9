"""Shows what a destination would be sent for an invented change, with its secrets by their names. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.destinations.changes import prepare
from app.destinations.destination import ERASED, Destination


class _Anything(dict[str, Any]):
    """Attached values of any name."""

    def get(self, name: str, default: Any = None) -> Any:
        return f"<attach.{name}>"


def sample_change(segment: str, kind: str) -> dict[str, Any]:
    """An invented change. It has whatever value is attached."""
    return {
        "id": "dc95a0330d62b88c0666d755",
        "user": "u-42",
        "segment": segment,
        "version": "f1f1ed",
        "value": None,
        "change": "exited" if kind == ERASED else kind,
        "times": 1,
        "at": "2026-01-05T00:30:00.000Z",
        "sequence": 1_767_571_200_000,
        "cause": {"kind": ERASED if kind == ERASED else "time"},
        "evidence": [] if kind == ERASED else [{"expression": "cart.items > 0", "value": 1}],
        "attach": _Anything(),
        "valid_until": None,
        "group": None,
    }


def sample(destination: Destination) -> str:
    """One item for each kind of change, as text. Raises UnusableError where none can be made."""
    segment = min(destination.segments) if destination.segments else "hot-leads"
    parts = []
    for kind in destination.target.changes:
        change = sample_change(segment, kind)
        item = prepare(destination, change, msgspec.json.encode(change))
        parts.append(f"{destination.name}, {kind}:\n{destination.target.shown(item)}")
    return _without_secrets("\n".join(parts), destination.secrets)


def _without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    for name, value in sorted(secrets.items(), key=lambda each: -len(each[1])):
        text = text.replace(value, f"${{{name}}}")
    return text
