"""State of the live view: members, rates, latencies, the last changes. Pure; time is an argument."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.console.reasons import Reasons
from app.events.instants import iso
from app.segments.definitions.definition import Catalog
from app.simulation.record import Record

HISTORY_POINTS: Final = 60
LAST_CHANGES: Final = 200
_LATENCIES_MAX: Final = 2_000
_SENT_MAX: Final = 200_000
_USERS_MAX: Final = 1_000_000
_TURNS_MAX: Final = 200_000


@dataclass(slots=True)
class SegmentRow:
    """One segment: who is in it now, and how that went. `points`: members at each tick, the latest last."""

    name: str
    title: str
    members: int = 0
    members_max: int = 0
    entered: int = 0
    exited: int = 0
    updated: int = 0
    points: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY_POINTS))


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change for people."""

    at: str
    user: str
    change: str
    segment: str
    reason: str


class Board:
    """Hears of records sent and changes received; says what to show."""

    def __init__(self, catalog: Catalog, *, live_from_ms: int = 0) -> None:
        """Changes before `live_from_ms` are history: counted, not told."""
        live = [segment for segment in catalog.segments if segment.status == "live"]
        self.segments = {segment.name: SegmentRow(segment.name, segment.title) for segment in live}
        self.last: deque[ChangeRow] = deque(maxlen=LAST_CHANGES)
        self.events = 0
        self.changes = 0
        self.repeated = 0
        self.history = 0
        self.lag = 0
        self.shop_ms = -1
        self.rate_points: deque[float] = deque(maxlen=HISTORY_POINTS)
        self.first_change_s: float | None = None
        self._reasons = Reasons(catalog)
        self._live_from = iso(live_from_ms)
        self._users: set[bytes] = set()
        self._sequences: dict[str, int] = {}
        self._turned_at: dict[tuple[str, str], str] = {}
        self._sent_s: dict[bytes, float] = {}
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES_MAX)
        self._tick: tuple[float, int, int] = (0.0, 0, 0)
        self.events_per_s = 0.0
        self.changes_per_s = 0.0

    @property
    def users(self) -> int:
        """Number of different users that have sent something."""
        return len(self._users)

    def sent(self, record: Record, now_s: float) -> None:
        """A record was handed to the broker."""
        self.events += 1
        self.shop_ms = max(self.shop_ms, record.timestamp_ms)
        if record.key is None:
            return
        if len(self._users) < _USERS_MAX:
            self._users.add(record.key)
        # Before the first change the workers are still starting: the lag then says nothing about their speed.
        message_id = None if self.first_change_s is None else _message_id(record.value)
        if message_id is not None:
            if len(self._sent_s) >= _SENT_MAX:
                self._sent_s.clear()
            self._sent_s[message_id] = now_s

    def received(self, change: dict[str, Any], now_s: float) -> ChangeRow | None:
        """A decoded change arrived; None if it was there before, or is history."""
        user, sequence = change["user"], change["sequence"]
        if self._sequences.get(user, -1) >= sequence:
            self.repeated += 1
            return None
        self._sequences[user] = sequence
        self.changes += 1
        if self.first_change_s is None:
            self.first_change_s = now_s
        row = self.segments.setdefault(change["segment"], SegmentRow(change["segment"], ""))
        match change["change"]:
            case "entered":
                row.entered += 1
                row.members += 1
                row.members_max = max(row.members_max, row.members)
            case "exited":
                row.exited += 1
                row.members -= 1
            case _:
                row.updated += 1
        cause = change["cause"]
        if cause["kind"] == "event" and cause.get("message_id") is not None:
            sent_s = self._sent_s.get(cause["message_id"].encode())
            if sent_s is not None:
                self._latencies_ms.append((now_s - sent_s) * 1000)
        turned_at = self._turn(change)
        if change["at"] < self._live_from:
            self.history += 1
            return None
        told = ChangeRow(
            at=change["at"],
            user=user,
            change=change["change"],
            segment=change["segment"],
            reason=self._reasons.of(change, turned_at=turned_at),
        )
        self.last.append(told)
        return told

    def _turn(self, change: dict[str, Any]) -> str | None:
        """The instant at which the user entered or left the segment before this change; None if not known."""
        place = change["user"], change["segment"]
        if change["change"] == "updated" or not self._reasons.may_wait(change["segment"]):
            return None
        if len(self._turned_at) >= _TURNS_MAX:
            self._turned_at.clear()
        before = self._turned_at.pop(place, None)
        self._turned_at[place] = change["at"]
        return before

    def tick(self, now_s: float) -> None:
        """A moment has passed: rates are taken, and from the first change on lines of the past get a point."""
        before_s, events, changes = self._tick
        if before_s:
            passed_s = max(0.001, now_s - before_s)
            self.events_per_s = (self.events - events) / passed_s
            self.changes_per_s = (self.changes - changes) / passed_s
        self._tick = (now_s, self.events, self.changes)
        if self.first_change_s is None:  # the workers are still starting
            return
        self.rate_points.append(self.events_per_s)
        for row in self.segments.values():
            row.points.append(row.members)

    def latency_ms(self, *quantiles: float) -> list[float]:
        """Quantiles of the time from an event's sending to its change's arrival; empty before the first."""
        ordered = sorted(self._latencies_ms)
        return [ordered[min(len(ordered) - 1, int(each * len(ordered)))] for each in quantiles] if ordered else []

    def busiest(self, count: int) -> Sequence[SegmentRow]:
        """The segments with the most coming and going, at most `count`, by name."""
        rows = sorted(self.segments.values(), key=lambda row: (-(row.entered + row.exited), row.name))
        return sorted(rows[:count], key=lambda row: row.name)

    def kinds(self) -> Counter[str]:
        """Number of changes of each kind."""
        total: Counter[str] = Counter()
        for row in self.segments.values():
            total.update(entered=row.entered, exited=row.exited, updated=row.updated)
        return total


def _message_id(value: bytes | None) -> bytes | None:
    """The `messageId` of a message, by its bytes: exact for what the simulator writes, and cheap."""
    if value is None:
        return None
    start = value.find(b'"messageId":"')
    if start < 0:
        return None
    start += 13
    end = value.find(b'"', start)
    return value[start:end] if end > 0 else None
