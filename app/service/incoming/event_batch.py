"""Events of one collector request: their key, the time of sending, and each event checked for the clickstream."""

import uuid
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Final

import msgspec

from app.events import lenient_json
from app.events.collected import Collected, collected
from app.events.ga4 import entries_of
from app.events.message import MESSAGE_BYTES_MAX, MessageError
from app.events.user_ids import UserIds
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.minimisation import EVERYTHING, Minimisation, minimised
from app.service.http.http_problem import LateEvent, Problem, Refused
from app.service.incoming.tracking_plan import Counted, PlanAtCollector

#: Paths of the Segment libraries, long and short -> the type of event; the batch has none.
PATHS: Final = {
    **{name: name for name in ("track", "page", "screen", "identify", "group", "alias")},
    "t": "track",
    "p": "page",
    "s": "screen",
    "i": "identify",
    "g": "group",
    "a": "alias",
}
REFUSED_SHOWN_MAX: Final = 100
EVENTS_MAX: Final = 5_000
EXPANDED_BYTES_MAX: Final = 16 << 20
"""Of all events of a request as they are written: the context of a batch stands in each of them."""


@dataclass(slots=True)
class IncomingBatch:
    """`events` as they were sent. `kind`: their type, where the path says it. `context`: counts for events that say
    nothing else; it comes into each only when that is looked at, as together they may be much more than was sent."""

    events: list[Any]
    """What is a MessageError cannot be used, as was found before."""
    kind: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    sent_at: Any = None
    write_key: str | None = None
    places: list[int] | None = None
    """The index in the request of each, where one of its events became several."""
    new_ids: list[str | None] | None = None
    """For each, the id that it gets if it has none; None: any that is new."""
    received_ms: int | None = None
    """Their receipt elsewhere, if that is known and believed."""


@dataclass(slots=True)
class ValidatedEvents:
    """The events of a request: what can be written, what of it is late, and what cannot be written with its reason."""

    rows: list[Collected] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    late: list[LateEvent] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    minimised: Counter[str] = field(default_factory=Counter)
    """Events of which a part was left out, by that part."""
    denied: Counter[str] = field(default_factory=Counter)
    """Events of which only the answer was taken, by the purpose that they deny."""
    against_plan: Counter[Counted] = field(default_factory=Counter)
    """What is wrong with events that are taken all the same, by the tracking plan."""

    def __len__(self) -> int:
        return len(self.rows) + len(self.refused)

    def add(self, other: "ValidatedEvents") -> None:
        """Puts the events of a later part of the same request behind these."""
        before = len(self)
        self.refused += [msgspec.structs.replace(each, index=before + each.index) for each in other.refused]
        self.late += [msgspec.structs.replace(each, index=before + each.index) for each in other.late]
        self.rows += other.rows
        self.repairs += other.repairs
        self.minimised += other.minimised
        self.denied += other.denied
        self.against_plan += other.against_plan


def read_single(body: bytes, kind: str) -> IncomingBatch:
    """One event of `POST /v1/track` and the like. Problem 400."""
    event = _object(body)
    return IncomingBatch([event], kind, write_key=_text(event, "writeKey"))


def read_batch(body: bytes) -> IncomingBatch:
    """The events of `POST /v1/batch`; its `context` counts for events that say nothing else. Problem 400."""
    envelope = _object(body)
    events = envelope.get("batch")
    if events.__class__ is not list:
        raise Problem(400, "invalid-message", "a batch needs the list of its events under batch")
    _check_count(len(events))
    given = envelope.get("context")
    context: dict[str, Any] = given if given.__class__ is dict else {}
    return IncomingBatch(events, None, context, envelope.get("sentAt"), _text(envelope, "writeKey"))


def read_ga4(body: bytes) -> IncomingBatch:
    """The events of the GA4 Measurement Protocol, under their names here. Problem 400."""
    try:
        entries = list(islice(entries_of(_object(body)), EVENTS_MAX + 1))
    except MessageError as error:
        raise Problem(400, error.reason, error.detail) from None
    _check_count(len(entries))
    return IncomingBatch([event for _, event in entries], places=[index for index, _ in entries])


def validate_events(
    incoming: IncomingBatch,
    *,
    received_ms: int,
    rules: TimeRules,
    ids: UserIds | None = None,
    keep: Minimisation = EVERYTHING,
    keep_receipt: bool = False,
    plan: PlanAtCollector | None = None,
) -> ValidatedEvents:
    """Every event checked as a worker would. Problem 413 if together, with the context, they are too large.

    `ids`: as which ids are written; None: as they are. `keep`: what is taken of them. `keep_receipt`: the sender is
    trusted with events that were received before. `plan`: they are held against it as they were sent, unless their
    users refuse.
    """
    found = ValidatedEvents()
    size = 0
    context_size = _size_of(incoming.context)
    late_ms = rules.lateness_ms + rules.disorder_ms
    receipt_ms = received_ms if incoming.received_ms is None else min(incoming.received_ms, received_ms)
    for number, event in enumerate(incoming.events):
        index = number if incoming.places is None else incoming.places[number]
        if context_size > MESSAGE_BYTES_MAX or size > EXPANDED_BYTES_MAX:
            raise Problem(413, "too-large", "with the context of the batch they are too large: send smaller batches")
        try:
            if isinstance(event, MessageError):
                raise event
            sent = event
            event, purpose, left_out = minimised(
                _with_context(event, incoming.context), incoming.kind, keep, rules.user_ids
            )
            row = collected(
                event,
                sent_at=incoming.sent_at,
                received_ms=receipt_ms,
                skew_max_ms=rules.skew_max_ms,
                new_id=partial(_id_of, incoming, number),
                user_ids=rules.user_ids if ids is None else ids,
                keep_receipt=keep_receipt,
            )
            if plan is not None and purpose is None:
                found.against_plan.update(plan.checked(sent, incoming.kind))
        except MessageError as error:
            message_id = event.get("messageId") if event.__class__ is dict else None
            shown = message_id[:100].encode(errors="replace").decode() if message_id.__class__ is str else None
            found.refused.append(Refused(index, error.reason, error.detail, shown))
            continue
        found.rows.append(row if receipt_ms == received_ms else replace(row, received_ms=received_ms))
        found.repairs.update(row.repairs)
        found.minimised.update(left_out)
        if purpose is not None:
            found.denied[purpose] += 1
        size += len(row.value)
        if row.age_ms > late_ms:
            found.late.append(LateEvent(index, row.age_ms))
    return found


def _size_of(context: dict[str, Any]) -> int:
    """In bytes, as it is written. Problem 400."""
    try:
        return len(lenient_json.encode(context))
    except MessageError as error:
        raise Problem(400, error.reason, f"the context of the batch: {error.detail}") from None


def _with_context(event: Any, context: dict[str, Any]) -> Any:
    """A copy that has it; the event itself where there is none, or where it says that it has another."""
    if not context or event.__class__ is not dict or event.get("context").__class__ not in (dict, type(None)):
        return event
    return {**event, "context": {**context, **(event.get("context") or {})}}


def key_of_basic(authorization: str | None) -> str | None:
    """The user name of HTTP Basic, which is where the libraries put the write key; None without one."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(rest.strip(), validate=True).decode().partition(":")[0] or None
    except ValueError:  # UnicodeDecodeError and binascii.Error are ones
        raise Problem(401, "wrong-key", "the Authorization header cannot be read: Basic base64(KEY:)") from None


def _check_count(events: int) -> None:
    if events > EVENTS_MAX:
        raise Problem(413, "too-large", f"more than {EVENTS_MAX} events: send smaller batches")


def _id_of(incoming: IncomingBatch, number: int) -> str:
    """The id of an event that has none."""
    made = None if incoming.new_ids is None else incoming.new_ids[number]
    return made or f"shoal-{uuid.uuid4().hex}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = lenient_json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "invalid-json", f"the body is not JSON: {error}") from None
    if value.__class__ is not dict:
        raise Problem(400, "invalid-message", "the body is a JSON object")
    assert isinstance(value, dict)
    return value


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    return text.encode(errors="replace").decode() if isinstance(text, str) else None
