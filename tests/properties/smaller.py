"""A failing scenario made small: everything is taken out that it fails without."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import LanguageError, canonical, parse_expression, parse_pattern
from app.segments.language.syntax import And, Node, Not, Or, Sequence
from tests.model.messages import Record
from tests.properties.catalogs import yaml_of
from tests.properties.scenario import Scenario, times_of

OPTIONAL = ("where", "once_per", "per", "within_ms", "since_last", "matching", "span_of_time", "end")
NEEDED = ("segment", "score", "when", "enter", "exit", "points")


def smallest(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """One that still fails, and does not when any one thing is taken out of it."""
    before = None
    while scenario != before:
        before = scenario
        for simplifications in (fewer_moments, fewer_definitions, fewer_others, fewer_rules, plainer_moments):
            scenario = reduced(scenario, simplifications, fails)
    return scenario


def reduced(
    scenario: Scenario, simplifications: Callable[[Scenario], Iterator[Scenario]], fails: Callable[[Scenario], bool]
) -> Scenario:
    progress = True
    while progress:
        progress = False
        for smaller in simplifications(scenario):
            if fails(smaller):
                scenario, progress = smaller, True
                break
    return scenario


def fewer_moments(scenario: Scenario) -> Iterator[Scenario]:
    moments = scenario.moments
    size = len(moments) // 2
    while size:
        for start in range(0, len(moments), size):
            if len(moments) > size:
                yield dataclasses.replace(scenario, moments=moments[:start] + moments[start + size :])
        size //= 2


def fewer_definitions(scenario: Scenario) -> Iterator[Scenario]:
    files = scenario.files
    for path in files:
        if len(files) > 1:
            yield dataclasses.replace(scenario, files={one: files[one] for one in files if one != path})
    for path, text in files.items():
        for less in definitions(yaml.safe_load(text) or {}):
            yield dataclasses.replace(scenario, files={**files, path: yaml_of(less)})


def fewer_others(scenario: Scenario) -> Iterator[Scenario]:
    others = scenario.others
    if others:
        yield dataclasses.replace(scenario, others=())
    for index, files in enumerate(others):
        yield dataclasses.replace(scenario, others=others[:index] + others[index + 1 :])
        for path in files:
            less = {one: files[one] for one in files if one != path}
            yield dataclasses.replace(scenario, others=(*others[:index], less, *others[index + 1 :]))


def fewer_rules(scenario: Scenario) -> Iterator[Scenario]:
    for name, value in times_of(TimeRules()).items():
        if getattr(scenario.rules, name) != value:
            yield dataclasses.replace(scenario, rules=dataclasses.replace(scenario.rules, **{name: value}))


def plainer_moments(scenario: Scenario) -> Iterator[Scenario]:
    moments = scenario.moments
    for index, (step, pause) in enumerate(moments):
        if pause:
            yield dataclasses.replace(scenario, moments=(*moments[:index], (step, ""), *moments[index + 1 :]))
        if isinstance(step, Record):
            for record in records(step):
                yield dataclasses.replace(scenario, moments=(*moments[:index], (record, pause), *moments[index + 1 :]))


def records(record: Record) -> Iterator[Record]:
    if record.timestamp >= 0:
        yield dataclasses.replace(record, timestamp=-1)
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        return
    for less in without_one(said):
        yield dataclasses.replace(record, value=json.dumps(less, ensure_ascii=False).encode())


def without_one(value: Any) -> Iterator[Any]:
    """An object or a list with one thing less in it, at any depth."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield {other: value[other] for other in value if other != name}
            for less in without_one(item):
                yield {**value, name: less}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            for less in without_one(item):
                yield [*value[:index], less, *value[index + 1 :]]


def definitions(keys: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in keys.items():
        if name not in NEEDED:
            yield {other: keys[other] for other in keys if other != name}
        if name in ("when", "enter", "exit"):
            yield from ({**keys, name: text} for text in texts(value, parse_expression))
        elif name == "attach":
            for one, text in value.items():
                yield {**keys, name: {other: value[other] for other in value if other != one}}
                yield from ({**keys, name: {**value, one: less}} for less in texts(text, parse_expression))
        elif name == "updates":
            yield from ({**keys, name: [other for other in value if other != one]} for one in value)
        elif name == "rules":
            yield from ({**keys, name: less} for less in without_one(value) if less)
        elif name == "points":
            for index, points in enumerate(value):
                yield {**keys, name: value[:index] + value[index + 1 :]}
                key, parse = ("when", parse_expression) if "when" in points else ("on", parse_pattern)
                for less in texts(points[key], parse):
                    yield {**keys, name: [*value[:index], {**points, key: less}, *value[index + 1 :]]}


def texts(text: str, parse: Callable[[str], Any]) -> Iterator[str]:
    try:
        node = parse(text)
    except LanguageError:
        return
    for less in nodes(node):
        with suppress(ValueError):  # a sequence with fewer steps than there are places between them
            yield canonical.text(less)


def nodes(node: Any) -> Iterator[Any]:
    """A syntax tree with one thing less in it."""
    if isinstance(node, And | Or):
        yield from node.operands
    elif isinstance(node, Not):
        yield node.operand
    if not isinstance(node, Node):
        return
    for part in dataclasses.fields(node):
        for less in less_of_part(part.name, getattr(node, part.name)):
            yield rebuilt(node, {part.name: less})
    if getattr(node, "absent", None) is not None:
        yield rebuilt(node, {"absent": None, "absent_ms": None})
    if isinstance(node, Sequence) and node.between:
        yield rebuilt(node, {"between": ()})
        for place in range(len(node.between)):
            yield rebuilt(node, {"between": tuple(() if n == place else no for n, no in enumerate(node.between))})


def less_of_part(name: str, value: Any) -> Iterator[Any]:
    if name in OPTIONAL and value is not None:
        yield None
    if isinstance(value, Node):
        yield from nodes(value)
    elif isinstance(value, tuple) and value and isinstance(value[0], Node):
        for index, item in enumerate(value):
            if len(value) > 1:
                yield value[:index] + value[index + 1 :]
            for less in nodes(item):
                yield (*value[:index], less, *value[index + 1 :])


def rebuilt(node: Any, changed: dict[str, Any]) -> Any:
    return dataclasses.replace(node, **changed)
