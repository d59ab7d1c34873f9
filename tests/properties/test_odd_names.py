"""Names of every kind in definitions: they load and mean what they say, or are refused at their place."""

import json

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.problem import Problem
from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Record
from tests.model.story import START_MS, event
from tests.properties.comparison import difference
from tests.properties.scenario import Pause, Scenario

ODD = ['"', "\\", "'", "\x00", "\x01", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "\ud800", "\udfff", "{", "]", "\n"]
LETTERS = st.one_of(st.sampled_from([*ODD, "a", ".", " ", "é", "😀"]), st.characters())
NAMES = st.text(LETTERS, min_size=1, max_size=6)


def quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def files_of(name: str, other: str) -> dict[str, str]:
    """Definitions with the names as an event, a property, a trait, a context field, and below one another."""
    one, two = quoted(name), quoted(other)
    conditions = {
        "event": f"count({one}) >= 2",
        "property": f"exists('A' where properties[{one}] = {two})",
        "below": f"sum(properties[{one}][{two}] of 'A') > 3",
        "per": f"key(count('A' per properties[{one}])) = {two}",
        "sequence": f"exists(sequence('A' then {one} matching properties[{two}]))",
        "trait": f"traits[{one}] = {two}",
        "trait-below": f"traits.a[{one}] = {two}",
        "context": f"context[{one}] = {two}",
        "context-below": f"context.a[{one}][{two}] = {one}",
        "context-where": f"exists(page where context.app[{one}] = {two})",
    }
    files = {
        key: {"segment": key, "when": when, "attach": {"v": f"last(properties[{one}] of 'A')"}}
        for key, when in conditions.items()
    }
    return {f"{key}.yaml": yaml.safe_dump(said, allow_unicode=False, width=10_000) for key, said in files.items()}


def history(name: str, other: str) -> tuple[tuple[Record, Pause], ...]:
    """Events that make each of the conditions true, and odd ones in between."""
    said = [
        event("0s", "A", {name: other}),
        event("1s", name, {other: 1}),
        event("2s", "A", {name: {other: 2}, other: 1}),
        event("3s", name, {other: 1}),
        event("4s", "A", {name: None}),
        event("5s", "A", {name: [other, other]}),
        {**event("6s", "A", {}), "properties": [name]},
        {**event("7s", "identify"), "type": "identify", "traits": {name: other, "a": {name: other}}},
        {**event("8s", "page"), "type": "page", "context": {name: other, "app": {name: other}}},
        {**event("9s", "page"), "type": "page", "context": {"a": {name: {other: name}}, "app": 5}},
        {**event("10s", "page"), "type": "page", "context": {"a": None, name: {other: 1}, "app": {name: [other]}}},
        {**event("11s", "identify"), "type": "identify", "traits": {name: 5, "a": [{name: other}]}, "context": 5},
        event("12s", "A", {name: {other: 2.5}}),
    ]
    records = []
    for offset, message in enumerate(said):
        value = json.dumps({key: each for key, each in message.items() if each is not None}).encode()
        pause: Pause = "restart" if offset % 5 == 4 else ""
        records.append((Record(offset, -1, b"u", value), pause))
    return tuple(records)


def problems_of(path: str, text: str) -> list[Problem]:
    try:
        load_catalog({path: text})
    except CatalogError as error:
        return error.problems
    return []


@settings(max_examples=20, deadline=None, derandomize=True)
@given(NAMES, NAMES)
@example('"', "b")
@example("a\\b", '"')
@example("\x01", "\x00")
@example("a", "\x1f")
@example("\ud800", "b")
@example("\udc00\ud800", "\x85")
@pytest.mark.long
def test_every_name_loads_and_means_what_it_says_or_is_refused_at_its_place(name: str, other: str) -> None:
    for path, text in files_of(name, other).items():
        problems = problems_of(path, text)
        assert all(problem.path == path and problem.line >= 1 for problem in problems)
        if problems:
            continue
        scenario = Scenario({path: text}, TimeRules(), history(name, other), START_MS + 3_600_000)
        assert difference(scenario) is None, text
