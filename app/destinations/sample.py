"""Request that a destination would send for an invented change, with its secrets by their names. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from app.destinations.destination import Destination
from app.destinations.prepared import prepare

SHOWN_HEADERS: Final = ("content-type", "idempotency-key")


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
        "change": kind,
        "times": 1,
        "at": "2026-01-05T00:30:00.000Z",
        "sequence": 1_767_571_200_000,
        "cause": {"kind": "time"},
        "evidence": [{"expression": "cart.items > 0", "value": 1}],
        "attach": _Anything(),
        "valid_until": None,
        "group": None,
    }


def sample(destination: Destination) -> str:
    """One request for each kind of change, as text. Raises UnusableError where none can be made."""
    segment = min(destination.segments) if destination.segments else "hot-leads"
    parts = []
    for kind in destination.requests:
        change = sample_change(segment, kind)
        prepared = prepare(destination, change, msgspec.json.encode(change))
        lines = [f"{destination.name}, {kind}:", f"  {prepared.method} {prepared.url}"]
        for name, value in prepared.headers.items():
            if name.lower() not in SHOWN_HEADERS and name.lower() == "authorization":
                value = f"{value.split()[0]} (secret)"
            lines.append(f"  {name}: {value}")
        if destination.oauth is not None:
            lines.append("  Authorization: Bearer (by oauth)")
        if destination.signature is not None:
            lines.append("  Shoal-Timestamp, Shoal-Signature: at the moment of sending")
        lines.append(f"  {prepared.body.decode()}")
        parts.append("\n".join(lines))
    return _without_secrets("\n".join(parts), destination.secrets)


def _without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    for name, value in sorted(secrets.items(), key=lambda each: -len(each[1])):
        text = text.replace(value, f"${{{name}}}")
    return text
