"""Wrong cases as tests of the definition: the person's events, with ids that say nothing, and what is expected.

Of each event stays what the definition reads (`minimisation`), its type, name and instant. A test is kept only if the
definition as it is gives what the files gave: then the test fails for the reason for which a person called it wrong.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

import msgspec
import yaml

from app.events.instants import iso
from app.events.message import EVENT_KINDS, MessageDecoder, MessageError, instant_ms, times_of
from app.offline.audits.audit_file import Marked
from app.offline.explainer import needed_of
from app.segments.definitions.definition import Catalog, Expectation, Segment, TestCase, TestEvent
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration
from app.segments.review.minimisation import Minimisation, minimisation
from app.segments.review.scenario import run_test

EVENTS_MAX: Final = 200
UNDATED_MS: Final = -1
_KEYS: Final = ("name", "properties", "traits", "context", "userId", "anonymousId")


@dataclass(slots=True)
class PersonEvents:
    """Messages of one person in order, with their instants in ms: of the event, and of its arrival."""

    keys: frozenset[str]
    events: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


def collect(messages: Iterable[bytes], persons: Sequence[PersonEvents], until_ms: int, rules: TimeRules) -> None:
    """Gives each person their events up to an instant; repeats of a message id are left out."""
    of = {key: person for person in persons for key in person.keys}
    decode, ids = MessageDecoder().decode, rules.user_ids
    for value in messages:
        try:
            message = decode(value)
            at_ms, received_ms = times_of(message, UNDATED_MS)
        except (MessageError, UnicodeError):
            continue
        given = ids.id_of(message.userId), ids.id_of(message.anonymousId)
        person = next((of[each] for each in given if each is not None and each in of), None)
        if person is None or message.type not in EVENT_KINDS or min(at_ms, received_ms) > until_ms:
            continue
        sent_as = None if message.messageId is None else str(message.messageId)
        if sent_as is not None and sent_as in person.ids:
            continue
        person.ids.add(sent_as or "")
        event = msgspec.json.decode(value)
        person.events.append((min(at_ms, received_ms), received_ms if message.receivedAt else at_ms, event))


@dataclass(frozen=True, slots=True)
class Regression:
    """A test in the language of definitions; None: there is none, and `why_not` says why."""

    text: str | None
    why_not: str = ""


def regression_of(case: Marked, person: PersonEvents, catalog: Catalog, rules: TimeRules, *, number: int) -> Regression:
    """The test of a wrong case: the opposite of what the definition says is expected."""
    if not person.events:
        return Regression(None, "the files have no event of this user")
    if len(person.events) > EVENTS_MAX:
        return Regression(None, f"{len(person.events):,} events are too many for a test: at most {EVENTS_MAX}")
    segment = catalog.segment(case.segment)
    rule = minimisation([needed_of(catalog, segment)], rules, "catalog")
    start_ms = min(at_ms for at_ms, _, _ in person.events)
    events = _events(person, start_ms, rule, _names_of(person.keys, rules), rules)
    is_in = case.drawn == "member"
    if case.at_ms < start_ms:
        return Regression(None, "the first event of the files is after the audit")
    as_it_is = _test(case, segment, events, start_ms, inside=is_in, number=number)
    if run_test(catalog, segment, as_it_is, rules):
        return Regression(None, "its events alone do not give what the files gave")
    return Regression(_text(_test(case, segment, events, start_ms, inside=not is_in, number=number)))


def _names_of(keys: Collection[str], rules: TimeRules) -> Mapping[str, str]:
    """Ids that say nothing, one a key."""
    return {key: f"person-{place}" for place, key in enumerate(sorted(keys), 1)}


def _events(
    person: PersonEvents, start_ms: int, rule: Minimisation, names: Mapping[str, str], rules: TimeRules
) -> list[TestEvent]:
    arrived_ms = 0
    found = []
    for at_ms, received_ms, event in person.events:
        arrived_ms = max(arrived_ms, received_ms - start_ms, at_ms - start_ms)
        kept, _ = rule.kept(event)
        message: dict[str, Any] = {"type": event["type"]}
        if event["type"] == "track" and isinstance(event.get("event"), str):
            message["event"] = event["event"]
        for key in _KEYS:
            if key in ("userId", "anonymousId"):
                own = rules.user_ids.id_of(event.get(key))
                if own is not None:
                    message[key] = names.get(own, "person-other")
            elif kept.get(key) is not None:
                message[key] = kept[key]
        if at_ms - start_ms < arrived_ms:
            message["timestamp"] = iso(at_ms)
        found.append(TestEvent(arrived_ms, message))
    return found


def _test(
    case: Marked, segment: Segment, events: Sequence[TestEvent], start_ms: int, *, inside: bool, number: int
) -> TestCase:
    at_ms = case.at_ms - start_ms
    said = "does not belong in" if case.drawn == "member" else "belongs in"
    return TestCase(
        name=f"audit {iso(case.at_ms)[:10]}, case {number}: this user {said} {segment.name}",
        start_ms=start_ms,
        events=tuple(event for event in events if event.at_ms <= at_ms),
        expect=(Expectation(at_ms, inside, None, 0),),
        line=0,
    )


def _text(test: TestCase) -> str:
    """A test as an entry of `tests:`."""
    lines = [
        f"  - name: {_flow(test.name)}",
        f"    start: {iso(test.start_ms)}",
        "    events:",
    ]
    for event in test.events:
        written: dict[str, Any] = {"at": format_duration(event.at_ms)}
        content = dict(event.message)
        timestamp = content.pop("timestamp", None)
        if timestamp is not None:
            written["time"] = format_duration(instant_ms(timestamp) - test.start_ms)
        if content["type"] == "track":
            del content["type"]
        lines.append(f"      - {_flow(written | content)}")
    (expected,) = test.expect
    shown = _flow({"at": format_duration(expected.at_ms), "in": expected.inside})
    return "\n".join([*lines, "    expect:", f"      - {shown}"])


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    written: str = yaml.safe_dump(
        value, default_flow_style=True, width=inf, allow_unicode=True, sort_keys=False, default_style=None
    )
    return written.removesuffix("\n").removesuffix("\n...")
