"""Minimisation: of an event, only what definitions read, and of one that its user refuses, only the refusal.

What is read is taken from the compiled program, so nothing that a worker would read can be left out. Ids, times, the
type and name of an event and what it says about consent always stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from msgspec import UNSET

from app.events.message import EVENT_KINDS, Message, Path, said
from app.events.user_ids import UserIds
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.consent_policy import Purpose
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules

#: Segment's name of an event that only says what its user agrees to.
ANSWER: Final = "Segment Consent Preference Updated"
CONSENT: Final[Path] = ("consent",)
_CONTENT: Final = frozenset({"properties", "traits", "context", "name"})
_ALWAYS: Final = frozenset(Message.__struct_fields__) - _CONTENT
_TIMES: Final = ("messageId", "timestamp", "originalTimestamp", "sentAt", "receivedAt")
_EventKey = tuple[str, str | None]


@dataclass(slots=True)
class Branch:
    """Names in an object that are read; `whole`: what stands here is read itself."""

    below: dict[str, "Branch"] = field(default_factory=dict)
    whole: bool = False

    def grow(self, path: Path) -> None:
        """Adds one path."""
        branch = self
        for name in path:
            branch = branch.below.setdefault(name, Branch())
        branch.whole = True

    def kept(self, value: Any) -> Any:
        """A copy of a value without what nobody reads; UNSET if nothing is left."""
        if value is None or self.whole:
            return value
        if value.__class__ is dict:
            left = {
                name: kept
                for name, branch in self.below.items()
                if name in value and (kept := branch.kept(value[name])) is not UNSET
            }
            return left or UNSET
        return value if value.__class__ is list else UNSET


@dataclass(frozen=True, slots=True)
class Minimisation:
    """The rules of a catalog for events that arrive.

    refusing: the purposes without which nothing is collected. properties: names that are read, by type and name of the
    event (of an identify: traits); None: everything is kept. always: properties that are read of every event.
    context: what is read of it.
    """

    refusing: Mapping[str, Purpose]
    properties: Mapping[_EventKey, frozenset[str]] | None
    always: frozenset[str]
    context: Branch

    def refused(self, event: Mapping[str, Any]) -> str | None:
        """The purpose that an event itself denies and without which it may not be collected; None: no such."""
        context = event.get("context")
        if context.__class__ is not dict:
            return None
        for name, purpose in self.refusing.items():
            value = said(context, purpose.path)
            if value is not UNSET and not purpose.is_granted(value):
                return name
        return None

    def answer_of(self, event: Mapping[str, Any], user_ids: UserIds) -> dict[str, Any]:
        """The rest of an event that its user refuses: a user, times, and the answers about consent."""
        answers = Branch()
        for path in (CONSENT, *(purpose.path for purpose in self.refusing.values())):
            answers.grow(path)
        # Both ids would say that they are one person: that is more than the answer.
        ids = ("userId",) if user_ids.id_of(event.get("userId")) is not None else ("userId", "anonymousId")
        left = {name: event[name] for name in (*ids, *_TIMES) if name in event}
        return {"type": "track", "event": ANSWER, **left, "context": answers.kept(event["context"])}

    def kept(self, event: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The part of an event that definitions read, and the parts of which something was left out."""
        if self.properties is None:
            return event, []
        kind = event["type"]
        read = self.properties.get((kind, event.get("event") if kind == "track" else None), frozenset())
        wanted = {
            "properties": _named(self.always if kind == "identify" else self.always | read),
            "traits": _named(read if kind == "identify" else ()),
            "context": self.context,
            "name": Branch(whole=kind in ("page", "screen") and "name" in read),
        }
        left: dict[str, Any] = {}
        parts = []
        for name, value in event.items():
            if name in _ALWAYS:
                left[name] = value
                continue
            kept = wanted[name].kept(value) if name in wanted and value is not None else UNSET
            if kept is not UNSET:
                left[name] = kept
            if name in wanted and value is not None and kept != value:
                parts.append(name)
        return left, parts


EVERYTHING: Final = Minimisation({}, None, frozenset(), Branch())


def minimisation(catalogs: Iterable[Catalog], rules: TimeRules, keep: Literal["all", "catalog"]) -> Minimisation:
    """The rules for events that the workers of any of these catalogs read; the first decides about consent.

    With several, the catalog before the present one is among them: some workers may still run it.
    """
    given = list(catalogs)
    policy = given[0].settings.consent if given else None
    refusing = {name: each for name, each in (policy.purposes if policy else {}).items() if each.collect}
    context = Branch()
    context.grow(CONSENT)
    if keep == "all":
        return Minimisation(refusing, None, frozenset(), context)
    properties: dict[_EventKey, frozenset[str]] = {}
    always: frozenset[str] = frozenset()
    for program in (compile_catalog(_with_drafts(each), rules) for each in given):
        for path in program.context_paths:
            context.grow(path)
        always |= program.visit_properties
        for key, handler in program.handlers.items():
            properties[key] = properties.get(key, frozenset()) | frozenset(handler.reads)
    return Minimisation(refusing, properties, always, context)


def minimised(
    event: Any, kind: str | None, rules: Minimisation, user_ids: UserIds
) -> tuple[Any, str | None, list[str]]:
    """The part of an event that is kept, the purpose that it refuses, and the parts of which something was left out.

    `kind`: its type, where the way it was sent says so. What is no event stays as it is: a check that follows names it.
    """
    if event.__class__ is not dict:
        return event, None, []
    typed = event if kind is None else {**event, "type": kind}
    if typed.get("type").__class__ is not str or typed["type"] not in EVENT_KINDS:
        return typed, None, []
    if (purpose := rules.refused(typed)) is not None:
        return rules.answer_of(typed, user_ids), purpose, []
    left, parts = rules.kept(typed)
    return left, None, parts


def _named(names: Iterable[str]) -> Branch:
    """Those names, each with all that stands there."""
    return Branch({name: Branch(whole=True) for name in names})


def _with_drafts(catalog: Catalog) -> Catalog:
    """The same catalog, with its drafts among what is read."""
    live = tuple(replace(each, status="live") if each.status == "draft" else each for each in catalog.segments)
    return replace(catalog, segments=live)
