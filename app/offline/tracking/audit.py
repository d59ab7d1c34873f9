"""Holds messages against a tracking plan: what is missing, misspelt, sent twice, blank, of a wrong type, or rarer."""

import json
from collections import Counter
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

import msgspec

from app.events.message import instant_ms
from app.offline.heard_message import EventKey, heard_message, values_of
from app.offline.tracking.deviations import UNPLANNED, Deviation, PlanCheck
from app.offline.tracking.plan import TRACK, TYPES, TrackingPlan, shown
from app.segments.language.suggestions import closest

DOUBLED_MS: Final = 2_000
"""Two equal events of a user so close to each other are one that was sent twice."""
USERS_MAX: Final = 100_000
FINDINGS_MAX: Final = 10_000
EXAMPLE_LENGTH_MAX: Final = 40
DAY_MS: Final = 86_400_000
WEEK_DAYS: Final = 7
TIMES_MIN: Final = 1.5
DEVIATIONS_MIN: Final = 4


class _Sent(msgspec.Struct, gc=False):
    """Fields of a message that say who sent it, when, and whether it is a repeat."""

    userId: Any = None
    anonymousId: Any = None
    messageId: Any = None
    timestamp: Any = None


_read_sent: Final = msgspec.json.Decoder(_Sent).decode


@dataclass(slots=True)
class Finding:
    """One thing that is wrong with an event. `example`: a value as JSON, or an empty text; `first`: its place."""

    event: str
    property: str
    problem: str
    events: int = 0
    of: int = 0
    example: str = ""
    first: str = ""


@dataclass(slots=True)
class _Volume:
    """Number of times that an event came, in all and by day (since 1970)."""

    events: int = 0
    days: Counter[int] = field(default_factory=Counter)


class TrackingAudit:
    """Hears messages; then `findings` are what is wrong with them, the most frequent first."""

    def __init__(self, plan: TrackingPlan) -> None:
        self._plan = plan
        self._check = PlanCheck(plan)
        self._names = [key.name for key in plan.schemas if key.name is not None]
        self._volumes: dict[EventKey, _Volume] = {}
        self._findings: dict[tuple[str, str, str], Finding] = {}
        self._last: dict[tuple[str, EventKey], tuple[int, bytes, Any]] = {}
        self.messages = 0
        self.unreadable = 0

    def hear(self, message: bytes, place: str) -> None:
        """One more message, which stands at this place of the files."""
        read = heard_message(message)
        if read is None:
            self.unreadable += 1
            return
        self.messages += 1
        key = read.key
        values = values_of(read.own)
        for each in self._check.deviations(key, values):
            self._find(each.event, each.property, self._told(key, each), each.value, place)
        if (key.kind == TRACK and key.name is None) or (key.kind != TRACK and key.kind not in TYPES):
            return
        sent = _read_sent(message.removeprefix(b"\xef\xbb\xbf"))
        volume = self._volumes.setdefault(key, _Volume())
        volume.events += 1
        t = _instant(sent.timestamp)
        if t is not None:
            volume.days[t // DAY_MS] += 1
        if t is not None:
            raw = b"" if isinstance(read.own, msgspec.UnsetType) else bytes(read.own)
            self._look_for_double(key, sent, t, raw, place)

    def _told(self, key: EventKey, deviation: Deviation) -> str:
        """The problem; of an event that is not planned also the planned one with nearly that name."""
        near = closest(key.name, self._names) if deviation.problem == UNPLANNED and key.name is not None else None
        return f"{deviation.problem}; {near} misspelt?" if near else deviation.problem

    def _look_for_double(self, key: EventKey, sent: _Sent, t: int, raw: bytes, place: str) -> None:
        user = str(sent.userId or sent.anonymousId or "")
        if not user:
            return
        before = self._last.pop((user, key), None)
        if before is not None and abs(t - before[0]) <= DOUBLED_MS and raw == before[1]:
            if sent.messageId is None or sent.messageId != before[2]:  # else it is a repeat, which counts once
                self._find(shown(key), "", "sent twice", None, place)
        elif len(self._last) >= USERS_MAX:
            del self._last[next(iter(self._last))]
        self._last[user, key] = (t, raw, sent.messageId)

    def _find(self, event: str, name: str, problem: str, value: object, place: str) -> None:
        finding = self._findings.get((event, name, problem))
        if finding is None:
            if len(self._findings) >= FINDINGS_MAX:
                return
            example = "" if value is None else json.dumps(value, ensure_ascii=False)
            if len(example) > EXAMPLE_LENGTH_MAX:
                example = f"{example[:EXAMPLE_LENGTH_MAX]}…"
            finding = self._findings[event, name, problem] = Finding(event, name, problem, example=example, first=place)
        finding.events += 1

    def findings(self) -> list[Finding]:
        """All that was found; of each event, how many there were in all."""
        volumes = {shown(key): volume.events for key, volume in self._volumes.items()}
        found = [*self._findings.values(), *self._changed(), *self._never()]
        for finding in found:
            finding.of = max(volumes.get(finding.event, 0), finding.events)
        return sorted(found, key=lambda each: (-each.events, each.event, each.property, each.problem))

    def _never(self) -> list[Finding]:
        return [Finding(shown(key), "", "never came") for key in self._plan.schemas if key not in self._volumes]

    def _changed(self) -> list[Finding]:
        """Events that came much more or less often in the last seven whole days than in the seven before."""
        days = [day for volume in self._volumes.values() for day in volume.days]
        if not days:
            return []
        end = max(days)  # the last day may have just begun
        middle, begin = end - WEEK_DAYS, end - 2 * WEEK_DAYS
        if min(days) > begin:
            return []
        found = []
        for key, volume in self._volumes.items():
            now = sum(events for day, events in volume.days.items() if middle <= day < end)
            before = sum(events for day, events in volume.days.items() if begin <= day < middle)
            more, less = max(now, before), min(now, before)
            if more >= TIMES_MIN * less and more - less > DEVIATIONS_MIN * sqrt(more + less):
                word = "more" if now > before else "fewer"
                found.append(Finding(shown(key), "", f"{word} than the week before: {now:,} after {before:,}", now))
        return found


def _instant(timestamp: object) -> int | None:
    if not isinstance(timestamp, str):
        return None
    try:
        return instant_ms(timestamp)
    except ValueError:
        return None
