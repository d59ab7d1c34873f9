"""Outcome of a try to deliver a change: what becomes of the change, and what it says of the destination."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum


class Fate(Enum):
    """Fate of a change after a try."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """It will never be taken."""
    AGAIN = "again"
    """The destination took nothing: away, too busy, or it does not know us."""
    HELD = "held"
    """Kept until somebody confirms it, for it looks like a mistake. It says nothing of the destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Outcome of a try. `status`: for metrics; `detail`: for people, without secrets. `asked`: False: nothing was
    sent, so it says nothing of the destination."""

    fate: Fate
    status: str
    detail: str = ""
    retry_after_s: float | None = None
    wants_token: bool = False
    asked: bool = True


def utc_now_s() -> float:
    """The wall clock."""
    return datetime.now(UTC).timestamp()
