"""Histories of segments by value: of all kinds, in which events have a few values over and over again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.language import canonical
from app.segments.language.syntax import ModelValue
from tests.model.messages import Record
from tests.model.oracle import Step
from tests.properties.cart_lines import by_product
from tests.properties.catalogs import NAMES, Writer, yaml_of
from tests.properties.drawn_models import BOUNDS, MODEL, classes_of, files_of_model
from tests.properties.erasures import erasing_scenario_of
from tests.properties.scenario import Pause, Scenario, merging_scenario_of, people_scenario_of, scenario_of
from tests.support.choices import Choices

PATHS = ("c", "c", "c", "x", "tags", "products.c")
SAID: tuple[Any, ...] = ("a", "b", "d", 5, "5", ["a", "b"], ["b", "e", 5], "a", "b")
NOT_BY_VALUE = ("cart.", "session.", "user.", "score(")
LIMITS = (100, 1, 2, 2, 3)
DRAWS = 6
MODEL_PERCENT = 25
LINES_PERCENT = 45


def limit_of(seed: int) -> int:
    """The limit of known values in the history of a seed."""
    return LIMITS[seed % len(LIMITS)]


def value_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind with segments by value."""
    usual = (scenario_of, merging_scenario_of)
    scenario = choices.one_of(*usual, *usual, people_scenario_of, erasing_scenario_of)(choices)
    path = choices.one_of(*PATHS)
    names = sorted({name for step in scenario.steps if (name := _event(step)) is not None}) or [*NAMES]
    files = dict(scenario.files)
    for file in choices.shuffled(sorted(files)):
        if files[file].startswith("segment:") and choices.chance(70):
            files = _changed(choices, files, file, path)
    told = (choices.one_of(*names), choices.one_of(*names))
    if f"{MODEL}.model.json" not in files and choices.chance(MODEL_PERCENT):
        files = _with_model(choices, files, told[0])
    for file, text in _more(choices, told, path, _scored(files)).items():
        if _is_catalog({**files, file: text}):
            files[file] = text
    moments: list[tuple[Step, Pause]] = [
        (_said(choices, step, told) if isinstance(step, Record) and choices.chance(75) else step, pause)
        for step, pause in scenario.moments
    ]
    if choices.chance(LINES_PERCENT):
        files, moments = by_product(choices, files, moments)
    others = scenario.others if all(_is_catalog({**files, **each}) for each in scenario.others) else ()
    return replace(scenario, files=files, others=others, moments=tuple(moments))


def _event(step: Step) -> str | None:
    if not isinstance(step, Record):
        return None
    try:
        said = json.loads(step.value or b"")
        return said["event"] if isinstance(said["event"], str) else None
    except (ValueError, KeyError, TypeError):
        return None


def _said(choices: Choices, step: Record, names: tuple[str, ...]) -> Record:
    """The event with one of few values, and often with another name."""
    try:
        said = json.loads(step.value or b"")
        said["properties"]["c"] = choices.one_of(*SAID)
        said["event"] = choices.one_of(said["event"], *names[:1], *names)
        return replace(step, value=json.dumps(said, allow_nan=False).encode())
    except (ValueError, KeyError, TypeError):
        return step


def _changed(choices: Choices, files: Mapping[str, str], file: str, path: str) -> dict[str, str]:
    """A definition by value, with other conditions where its own cannot be said of one; as it was if that fails."""
    for _ in range(DRAWS):
        keys = yaml.safe_load(files[file])
        keys.pop("warmup", None)
        attach = {name: each for name, each in (keys.pop("attach", None) or {}).items() if not _is_of_all(each)}
        updates = [name for name in keys.pop("updates", ()) if name in attach]
        keys |= ({"attach": attach} if attach else {}) | ({"updates": updates} if updates else {})
        for key in ("when", "enter", "exit"):
            if key in keys and (_is_of_all(keys[key]) or "'Nothing'" in keys[key]):
                writer = Writer(choices)
                writer.plain, writer.shop = True, False
                keys[key] = writer.condition(1)
        found = {**files, file: yaml_of(keys | {"each": _each(choices, path)})}
        if _is_catalog(found):
            return found
    return dict(files)


def _is_of_all(expression: Any) -> bool:
    return any(word in str(expression) for word in NOT_BY_VALUE)


def _each(choices: Choices, path: str) -> Any:
    if choices.chance(80):
        return path
    return {"value": path, "of": choices.one_of("'A'", "any('A', 'B') where x is known")}


def _with_model(choices: Choices, files: dict[str, str], name: str) -> dict[str, str]:
    """The definitions and a model that scores at events of a name."""
    more = files_of_model(Writer(choices))
    path = f"{MODEL}.model.json"
    more[path] = json.dumps(json.loads(more[path]) | {"moments": f"exists('{name}' within 2s)", "warmup": "none"})
    return {**files, **more} if not files.keys() & more.keys() and _is_catalog({**files, **more}) else files


def _scored(files: Mapping[str, str]) -> list[str]:
    """The values of the model, if there is one: each with a class, if it has classes."""
    if (text := files.get(f"{MODEL}.model.json")) is None:
        return []
    return [canonical.text(ModelValue(MODEL, name)) for name in classes_of(text) or (None,)]


def _more(choices: Choices, names: tuple[str, str], path: str, scored: Sequence[str]) -> dict[str, str]:
    """Definitions whose conditions turn often, and what asks for them. scored: the values of a model."""
    one, other = (f"'{name}'" for name in names)
    over = choices.one_of("2s", "3s", "10s", "1m")
    conditions = (
        f"exists({one} within {over})",
        f"count({one} within {over}) >= 2",
        f"exists({one} within {over}) and since({one}) >= 1s",
        f"exists({one} within {over} since last {other})",
        f"exists(sequence({one} then no {other} for 2s) within {over})",
        f"count(sequence({one} then {other} within 3s) within {over}) >= 1",
        f"count({one}) >= 2 and never({other} within {over})",
        f"sum(x of {one} within {over}) > 1",
    )
    when = choices.one_of(*conditions)
    if scored and choices.chance(60):
        sign = choices.one_of(">", ">=", "<")
        when = f"{when} and {choices.one_of(*scored)} {sign} {choices.one_of(*BOUNDS)}"
    keys: dict[str, Any] = {"segment": "va", "each": _each(choices, path), "when": when}
    for key in ("for", "hold", "cooldown"):
        if choices.chance(25):
            keys[key] = choices.one_of("1s", "2s", "5s", "10s", "1m")
    keys["attach"] = {"n": f"count({one} within {over}) + 0"} | ({"m": scored[0]} if scored else {})
    if choices.chance(40):
        keys["updates"] = [*keys["attach"]]
    found = {"va.yaml": yaml_of(keys)}
    if choices.chance(60):
        found["vb.yaml"] = yaml_of({"segment": "vb", "when": "segment('va')"})
    if choices.chance(50):
        found["vd.yaml"] = yaml_of(_counting(choices))
    if choices.chance(60):
        of = choices.one_of(path, "c", "x")
        when = f"exists({other}) and not segment('va')"
        found["vc.yaml"] = yaml_of({"segment": "vc", "each": of, "when": when})
    return found


def _counting(choices: Choices) -> dict[str, Any]:
    """A definition that asks by how many values the user is in another."""
    count = "count(segment('va'))"
    sign, number = choices.one_of(">=", ">", "<", "<=", "=", "!="), choices.one_of(0, 1, 1, 2, 2, 3)
    when = choices.one_of(f"{count} {sign} {number}", f"{count} >= 1", f"{count} >= 2", f"2 <= {count} or {count} = 0")
    keys: dict[str, Any] = {"segment": "vd", "when": when, "attach": {"left": count, "more": f"{count} * 2 + 1"}}
    if choices.chance(60):
        keys["updates"] = ["left"]
    return keys


def _is_catalog(files: Mapping[str, str]) -> bool:
    try:
        load_catalog(files)
    except CatalogError:
        return False
    return True


def segments_by_value(files: Mapping[str, str]) -> Iterator[str]:
    """The definitions by value."""
    return (text for text in files.values() if "\neach:" in text)
