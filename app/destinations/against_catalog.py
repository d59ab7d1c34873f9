"""Compares the expectations of a destination with the definitions: segment names and attached values. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.destinations.destination import Destination
from app.destinations.template import Placeholder, Text
from app.segments.definitions.definition import Catalog
from app.segments.language.suggestions import did_you_mean, listed


def mismatches(destination: Destination, catalog: Catalog) -> Iterator[str]:
    """Returns what would never be sent: segments and groups that do not exist, and values that no segment
    attaches."""
    segments = {segment.name: segment for segment in catalog.segments}
    for name in sorted(destination.segments or ()):
        if name not in segments:
            hint = did_you_mean(name, segments) or f"there are {listed(sorted(segments))}"
            if any(score.name == name for score in catalog.scores):
                hint = "it is a score; write a segment that asks for it"
            yield f"there is no segment {name}: {hint}"
        elif destination.keeps_state and segments[name].each is not None:
            yield f"{name} is by value (each), a list has users: write a segment with when: segment('{name}')"
    experiments = [catalog.settings.holdout, *(segment.experiment for segment in catalog.segments)]
    groups = {group for each in experiments if each is not None for group, _ in each.groups}
    for group in sorted((destination.groups or frozenset()) - groups):
        hint = did_you_mean(group, groups) or (f"there are {listed(sorted(groups))}" if groups else "add an experiment")
        yield f"no experiment has a group {group}: {hint}"
    needed = sorted(needed_values(destination))
    for name in sorted(destination.segments if destination.segments is not None else segments):
        if name not in segments:
            continue
        attached = dict(segments[name].attach)
        for value in needed:
            if value not in attached:
                yield f"{name} attaches no {value}: add it to the segment, attach: {{{value}: ...}}"


def needed_values(destination: Destination) -> set[str]:
    """The attached values without which a change becomes a dead letter."""
    found: set[str] = set()
    for template in destination.target.templates():
        for placeholder in _placeholders(template):
            found |= _needed(placeholder)
    return found


def _needed(placeholder: Placeholder) -> set[str]:
    wanted = (
        placeholder.path[0] == "attach"
        and len(placeholder.path) > 1
        and not placeholder.optional
        and not placeholder.has_default
    )
    return {placeholder.path[1]} if wanted else set()


def _placeholders(node: Any) -> Iterator[Placeholder]:
    if isinstance(node, Text):
        yield from (part for part in node.parts if isinstance(part, Placeholder))
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _placeholders(value)
    elif isinstance(node, list):
        for item in node:
            yield from _placeholders(item)
