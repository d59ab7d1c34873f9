"""Changes as destinations read them from Kafka, and the item that each becomes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from app.destinations.destination import ERASED, Destination, occasion_of
from app.destinations.template import MissingValueError
from app.destinations.unusable import UnusableError
from app.events.instants import iso

SOURCE: Final = "/shoal"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_change(value: bytes) -> dict[str, Any]:
    """A change as plain values. Raises UnusableError."""
    try:
        change = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableError("invalid-change", str(error)) from None
    for name in ("id", "user", "segment", "change", "at"):
        if not isinstance(change.get(name), str):
            raise UnusableError("invalid-change", f"{name} is missing")
    return change


def is_wanted(destination: Destination, change: Mapping[str, Any]) -> bool:
    """True if a change is for the destination."""
    if destination.keeps_state:
        if change.get("value") is not None:  # who leaves by one value may be in by another
            return False
        return destination.wants(change["segment"], change["change"])
    if destination.on_merged == "skip" and _cause_of(change) in ("merged", "split"):
        return False
    if destination.on_backfill == "skip" and _cause_of(change) == "backfill":
        return False
    occasion = occasion_of(change, destination.target.changes)
    if occasion != ERASED and not destination.wants_group(change.get("group")):
        return False
    return destination.wants(change["segment"], occasion)


def prepare(destination: Destination, change: Mapping[str, Any], value: bytes, *, source: str = SOURCE) -> Any:
    """The item for a change that the destination wants; `value` is the change as it came, `source` the deployment.

    Raises UnusableError.
    """
    try:
        return destination.target.prepare(change, value, source=source)
    except MissingValueError as error:
        raise UnusableError("no-value", str(error), mistaken=_is_mistaken(change, error.path)) from None


def _is_mistaken(change: Mapping[str, Any], path: Sequence[str]) -> bool:
    """True if a value is missing that no change of this segment has: attached values of a user without them are null.

    Changes that no event of a user caused may lack what the segment attaches today.
    """
    attached = change.get("attach")
    by_others = _cause_of(change) in ("catalog", "forgotten", "merged", "split", "erased", "backfill")
    return path[0] == "attach" and len(path) > 1 and path[1] not in (attached or {}) and not by_others


def _cause_of(change: Mapping[str, Any]) -> object:
    """The kind of a change's cause; None without one."""
    cause = change.get("cause")
    return cause.get("kind") if isinstance(cause, Mapping) else None


def source_of(record: Any) -> str:
    """Returns the deployment that a change on Kafka comes from."""
    source: bytes = dict(record.headers or ()).get("ce_source", SOURCE.encode())
    return source.decode(errors="replace")


def is_stale(destination: Destination, change: Mapping[str, Any], *, now_ms: int) -> bool:
    """True if a change is older than the destination wants. No erasure is: it must be told, however late."""
    if occasion_of(change, destination.target.changes) == ERASED:
        return False
    return destination.max_age_ms is not None and str(change["at"]) < iso(max(0, now_ms - destination.max_age_ms))
