"""Processing of personal data under a catalog: which fields of events are read, what is remembered, and for what."""

from dataclasses import dataclass

from app.segments.compiler.program import Program
from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.footprint import MEMBER, compiled_alone, footprints

EVERY_EVENT = "every event"


@dataclass(frozen=True, slots=True)
class Use:
    """One definition. `consent`: the purposes that it requires; `sends`: the names of the values that it attaches."""

    name: str
    title: str
    owner: str
    status: str
    consent: tuple[str, ...]
    sends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PurposeUse:
    """One purpose of consent.yaml. `place`: where events say it; `collect`: an event that denies it is not collected;
    `segments`: those that require it."""

    name: str
    default: str
    place: str
    collect: bool
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadField:
    """A field of events, the events in which it is read, and the definitions that read it."""

    place: str
    events: tuple[str, ...]
    definitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RememberedValue:
    """Something that is remembered of each user, and the definitions that need it."""

    words: str
    definitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Processing:
    """All of it, each part in the order of its first name."""

    catalog: str
    definitions: tuple[Use, ...]
    purposes: tuple[PurposeUse, ...]
    fields: tuple[ReadField, ...]
    remembered: tuple[RememberedValue, ...]


def processing(catalog: Catalog, rules: TimeRules) -> Processing:
    """The processing under a catalog. A retired segment is read until its file is deleted; it remembers nothing."""
    policy = catalog.settings.consent
    purposes = {} if policy is None else policy.purposes
    answers = {purpose.path for purpose in purposes.values()}
    definitions: tuple[Definition, ...] = catalog.definitions
    events: dict[str, set[str]] = {}
    readers: dict[str, set[str]] = {}
    for definition in definitions:
        for place, event in _places(compiled_alone(catalog, definition, rules), answers):
            events.setdefault(place, set()).add(event)
            readers.setdefault(place, set()).add(definition.name)
    kept: dict[str, list[str]] = {}
    for name, footprint in footprints(catalog, rules).items():
        for each in footprint.kept:
            words = "memberships: in or out, since when, how many times" if each.id.startswith(MEMBER) else each.words
            kept.setdefault(words, []).append(name)
    return Processing(
        catalog=catalog.version,
        definitions=tuple(_use(definition) for definition in sorted(definitions, key=lambda each: each.name)),
        purposes=tuple(
            PurposeUse(
                name,
                "granted" if each.granted else "denied",
                ".".join(("context", *each.path)),
                each.collect,
                tuple(sorted(segment.name for segment in catalog.segments if name in segment.requires)),
            )
            for name, each in sorted(purposes.items())
        ),
        fields=tuple(
            ReadField(place, _events(events[place]), tuple(sorted(readers[place]))) for place in sorted(events)
        ),
        remembered=tuple(RememberedValue(words, tuple(sorted(set(names)))) for words, names in sorted(kept.items())),
    )


def _places(program: Program, answers: set[tuple[str, ...]]) -> set[tuple[str, str]]:
    """Each field that a program reads, with the event; answers about consent are left out."""
    found = {(".".join(("context", *path)), EVERY_EVENT) for path in program.context_paths - answers}
    found |= {(f"properties.{name}", EVERY_EVENT) for name in program.visit_properties}
    for (kind, name), handler in program.handlers.items():
        part = "traits" if kind == "identify" else "properties"
        found |= {(f"{part}.{read}", name or kind) for read in handler.reads}
    return found


def _events(names: set[str]) -> tuple[str, ...]:
    return (EVERY_EVENT,) if EVERY_EVENT in names else tuple(sorted(names))


def _use(definition: Definition) -> Use:
    segment = definition if isinstance(definition, Segment) else None
    return Use(
        definition.name,
        definition.title,
        definition.owner,
        "score" if segment is None else segment.status,
        () if segment is None else segment.requires,
        () if segment is None else tuple(name for name, _ in segment.attach),
    )
