"""Evaluates segments for a user whose events are given. Pure: nothing is stored, no clock is asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from app.events.instants import iso
from app.events.message import INSTANT_MS_MAX, WATERMARK, MessageDecoder, MessageError, times_of, user_of
from app.events.user_ids import UserIds
from app.offline.backtest import FileRecord
from app.offline.person import Key
from app.segments.compiler.program import Program
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.change import Atom, Change
from app.segments.evaluation.settlement import SegmentCode
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.service.http.http_problem import Problem, Refused
from tables.by_value import MEMBER, State, is_inside
from tables.counted import Counted
from tables.profile import INSIDE, SENT, SINCE, TIMES, TOLD, Profile
from tables.values import Scalar, key_of, key_order, key_value

EVENTS_MAX: Final = 1_000
CHANGES_SHOWN_MAX: Final = 1_000

_decode: Final = MessageDecoder().decode
_encode: Final = msgspec.json.Encoder().encode


class Next(msgspec.Struct, frozen=True):
    """The next change if no event comes."""

    change: str
    at: str
    because: list[Atom]


class ValueStanding(msgspec.Struct, kw_only=True, frozen=True, rename={"inside": "in"}):
    """A user and a known value of a segment by value. The fields are those of `Standing`."""

    value: Scalar
    inside: bool
    since: str | None
    times: int
    attach: dict[str, Any]
    group: str | None
    because: list[Atom]
    next: Next | None


class Standing(msgspec.Struct, kw_only=True, frozen=True, rename={"inside": "in"}):
    """A user and a segment. `since`: when the user entered (null: is not in). `times`: memberships so far. `group`: in
    the experiment, as the entry told it (null: none, or is not in).

    `because`: every part of the condition that matters now (that of leaving, for who is in) with its value. Of a
    segment by value there is none, and `values` are those that are known, in order of text: the user is in while in by
    any.
    """

    segment: str
    inside: bool
    since: str | None
    times: int
    attach: dict[str, Any]
    group: str | None
    because: list[Atom]
    next: Next | None
    values: list[ValueStanding] | UnsetType = UNSET


class Evaluation(msgspec.Struct, kw_only=True, frozen=True):
    """State of all segments for the user of the given events at an instant."""

    user: str
    at: str
    version: str
    segments: list[Standing]
    changes: list[Change]
    refused: list[Refused]


class LiveEvaluation(msgspec.Struct, kw_only=True, frozen=True):
    """A live user and one segment, `at` the instant of the worker's clock. Not `known`: there is no profile.

    `asked`: the key of the question. `moved_to`: the user that this key has moved to by a login, who is `user` then;
    null if it has not moved. `keys`: the ids that the user has claimed by logins, the latest claim first.
    """

    asked: str
    moved_to: str | None
    keys: list[Key]
    user: str
    known: bool
    at: str
    version: str
    segment: Standing


def evaluate(
    events: Sequence[Any], *, catalog: Catalog, program: Program, rules: TimeRules, at_ms: int | None, now_ms: int
) -> Evaluation:
    """Plays events of one user in their order; what has no time of its own is of `at_ms`, or else of `now_ms`.

    Problem 400 for events of several users, or none that can be used, and for an instant before the last event.
    """
    if len(events) > EVENTS_MAX:
        raise Problem(413, "too-large", f"{len(events)} events; at most {EVENTS_MAX} are played")
    records: list[FileRecord] = []
    refused: list[Refused] = []
    indices: list[int] = []
    user: str | None = None
    latest_ms = 0
    for index, event in enumerate(events):
        try:
            own, event_ms, value = _read(event, now_ms if at_ms is None else at_ms, rules.user_ids)
        except MessageError as error:
            refused.append(Refused(index, error.reason, error.detail))
            continue
        if user is not None and own != user:
            raise Problem(400, "several-users", f"event {index} is of {own!r:.80}, those before are of {user!r:.80}")
        user = own
        latest_ms = max(latest_ms, event_ms)
        records.append(FileRecord(len(records), -1, None, value))
        indices.append(index)
    if user is None:
        raise Problem(400, "no-events", "there is no event that can be used", refused=tuple(refused))
    end_ms = latest_ms if at_ms is None else at_ms
    if not latest_ms <= end_ms <= min(latest_ms + rules.retention_ms, INSTANT_MS_MAX):
        raise Problem(400, "at", f"at is before the last event, {iso(latest_ms)}, or too far behind it")
    partition = Partition(program, rules, keyed=False)
    batch = partition.process(records)
    changes = list(batch.changes)
    refused += [Refused(indices[each.record.offset], each.reason, each.detail) for each in batch.dead]
    refused += [Refused(indices[each.record.offset], "late", f"{each.late_ms} ms late") for each in batch.late]
    changes += partition.advance(end_ms).changes
    return Evaluation(
        user=user,
        at=iso(end_ms),
        version=catalog.version,
        segments=standings(partition, user, catalog=catalog, program=program, at_ms=end_ms, rules=rules),
        changes=changes[-CHANGES_SHOWN_MAX:],
        refused=refused,
    )


def standings(
    partition: Partition, user: str, *, catalog: Catalog, program: Program, at_ms: int, rules: TimeRules
) -> list[Standing]:
    """Every live segment, by name. The partition is of this program, its clock has reached `at_ms`; it is used up."""
    profile = partition.profile(user)
    codes = {code.name: code for code in program.segments}
    coming: dict[tuple[str, str | None], Change] = {}
    if profile is not None:
        for change in partition.advance(min(profile.highest_ms + rules.retention_ms, INSTANT_MS_MAX)).changes:
            if change.user == user and change.change != "updated":
                coming.setdefault((change.segment, _key(change)), change)
    found = []
    for segment in sorted(catalog.live_segments, key=lambda each: each.name):
        code = codes[segment.name]
        member = None if profile is None else profile.members.get(code.id)
        inside = member is not None and bool(member[INSIDE])
        atoms: list[Atom] = []
        if profile is not None and code.values is None:
            atoms = (code.exit_evidence if inside else code.entry_evidence)(profile, at_ms, user)
        found.append(
            Standing(
                segment=segment.name,
                inside=inside,
                since=iso(member[SINCE]) if member is not None and inside else None,
                times=0 if member is None else member[TIMES],
                attach=(member[SENT] or {}) if member is not None and inside else {},
                group=member[TOLD][0] if member is not None and len(member) > TOLD else None,
                because=atoms,
                next=_next(coming.get((segment.name, None))),
                values=UNSET if code.values is None else _values(code, profile, coming, user=user, at_ms=at_ms),
            )
        )
    return found


def _values(
    code: SegmentCode,
    profile: Profile | None,
    coming: Mapping[tuple[str, str | None], Change],
    *,
    user: str,
    at_ms: int,
) -> list[ValueStanding]:
    """The known values of a segment by value, in order of text."""
    if code.values is None or profile is None:
        return []
    state: State = profile.aggregates.get(code.values.state_id) or {}
    found = []
    for key in sorted(state, key=key_order):
        part, member = code.values.part(profile, key, state[key]), state[key][MEMBER]
        inside = is_inside(state[key])
        found.append(
            ValueStanding(
                value=key_value(key),
                inside=inside,
                since=iso(member[SINCE]) if inside else None,
                times=0 if member is None else member[TIMES],
                attach=(member[SENT] or {}) if inside else {},
                group=member[TOLD][0] if member is not None and len(member) > TOLD else None,
                because=(code.exit_evidence if inside else code.entry_evidence)(part, at_ms, user),
                next=_next(coming.get((code.name, key))),
            )
        )
    return found


def _next(change: Change | None) -> Next | None:
    return None if change is None else Next(change.change, change.at, change.evidence)


def _key(change: Change) -> str | None:
    return None if change.value is None else key_of(change.value, Counted())


def _read(event: Any, instant_ms: int, ids: UserIds) -> tuple[str, int, bytes]:
    """The user, the time, and the event as a record's value."""
    if event.__class__ is not dict:
        raise MessageError("invalid-message", "an event is a JSON object")
    if event.get("timestamp") is None and event.get("receivedAt") is None:
        event = {**event, "timestamp": iso(instant_ms)}
    try:
        value = _encode(event)
    except (UnicodeEncodeError, RecursionError) as error:
        raise MessageError("invalid-json", f"cannot be written as JSON: {error}"[:200]) from None
    message = _decode(value)
    if message.type == WATERMARK:
        raise MessageError("invalid-message", "a watermark is not an event")
    user, _ = user_of(message, ids)
    event_ms, received_ms = times_of(message, -1)
    return user, min(event_ms, received_ms), value
