"""The JSON Schema for editors and the reader of files come from one description, and agree about files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.segments.definitions.catalog_settings import (
    _READERS,
    CLEANING_FILE,
    CONSENT_FILE,
    IDENTITY_FILE,
    SETTINGS_FILE,
    read_catalog_settings,
)
from app.segments.definitions.definition import CatalogSettings
from app.segments.definitions.definition_file import read_definition_file
from app.segments.definitions.definition_format import FORMS, SETTINGS
from app.segments.definitions.definition_schema import DURATION_PATTERN, NAME_PATTERN, schema
from app.segments.definitions.form import Form, Key
from app.segments.definitions.problem import Problem
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import json_value

SCHEMA = schema()
SHIPPED = sorted((Path(__file__).parents[4] / "deploy" / "segments").glob("*.yaml"))
WHOLE = {
    "segment": "segment: viewers\nwhen: 'true'\n{}\n",
    "score": "score: intent\npoints: [{{on: page, add: 1}}]\n{}\n",
    "points": "score: intent\npoints:\n- {}\n",
    "test": "segment: viewers\nwhen: 'true'\ntests:\n- {}\n",
    "event": "segment: viewers\nwhen: 'true'\ntests:\n- name: a\n  expect: [{{at: 1m, in: true}}]\n  events:\n  - {}\n",
    "expectation": "segment: viewers\nwhen: 'true'\ntests:\n- name: a\n  expect:\n  - {}\n",
    "settings": "{}\n",
    "order": "order:\n  {}\n",
    "shop_cart": "cart:\n  {}\n",
    "holdout": "holdout:\n  {}\n",
    "persona": "segment: viewers\nwhen: 'true'\npersona:\n  {}\n",
    "experiment": "segment: viewers\nwhen: 'true'\nexperiment:\n  {}\n",
    "each": "segment: viewers\nwhen: 'true'\neach:\n  {}\n",
    "identity": "{}\n",
    "consent": "purposes: {{m: {{}}}}\n{}\n",
    "purpose": "purposes:\n  m:\n    {}\n",
    "cleaning": "rules: [{{event: A, property: x, do: [trim]}}]\n{}\n",
    "cleaning_rule": "rules:\n- {}\n",
}
"""A file for each form, into which one key of it can be put."""

SETTINGS_FILE_OF = {
    **dict.fromkeys(("settings", "order", "shop_cart", "holdout"), SETTINGS_FILE),
    "identity": IDENTITY_FILE,
    **dict.fromkeys(("consent", "purpose"), CONSENT_FILE),
    **dict.fromkeys(("cleaning", "cleaning_rule"), CLEANING_FILE),
}


def problems(form: Form, text: str) -> list[Problem]:
    """Problems that the reader finds."""
    if form.name in SETTINGS_FILE_OF:
        return read_catalog_settings(SETTINGS_FILE_OF[form.name], text, CatalogSettings()).source.problems
    return read_definition_file("a.yaml", text).source.problems


def plain(text: str) -> Any:
    """A file as editors read it: YAML 1.2, in which `on` is a text."""
    source = YamlSource("a.yaml", text)
    root = source.root()
    assert root is not None
    return json_value(source, root)


def keys() -> Iterator[tuple[Form, Key[Any]]]:
    """Every key of every form."""
    for form in FORMS:
        for key in form.keys:
            yield form, key


@pytest.mark.parametrize(("form", "key"), [pytest.param(*each, id=f"{each[0].name}.{each[1].name}") for each in keys()])
def test_every_key_that_is_described_is_read_with_its_type(form: Form, key: Key[Any]) -> None:
    wrong = "[[1]]" if key.schema().get("type") == "object" or "$ref" in key.schema() else "{a: {b: c}}"
    given = f"{key.name}: {wrong}"
    lines = WHOLE[form.name].format(given).splitlines()
    text = "\n".join(each for each in lines if each == given or not each.startswith(f"{key.name}:")) + "\n"
    line = next(number for number, each in enumerate(text.splitlines(), 1) if given in each)
    found = problems(form, text)
    assert any(each.line == line and not each.message.startswith("unknown key") for each in found), found
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(plain(text))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_key_that_is_not_described_is_refused_by_both(form: Form) -> None:
    text = WHOLE[form.name].format("colour: red")
    assert any(each.message == "unknown key colour" for each in problems(form, text))
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(plain(text))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_key_that_must_be_there_is_missed_by_both(form: Form) -> None:
    required = {key.name for key in form.keys if key.missing is not None}
    assert set(SCHEMA["$defs"][form.name].get("required", ())) == required


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_schema_takes_every_shipped_definition(path: Path) -> None:
    jsonschema.validate(plain(path.read_text()), SCHEMA)


@pytest.mark.parametrize("text", ["cart: {add: [Added to Cart]}", "cart: sum", "cart: {order_takes: listed}"])
def test_the_schema_tells_the_two_meanings_of_cart_apart(text: str) -> None:
    jsonschema.validate(plain(text), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain(f"{text}\ncolour: red"), SCHEMA)


def test_every_setting_of_the_catalog_has_a_reader() -> None:
    assert set(_READERS) == set(SETTINGS.names)


def test_every_key_of_a_definition_is_described() -> None:
    for name in {form.name for form in FORMS} - {"event", "expectation", "test", "points"}:
        for key, described in SCHEMA["$defs"][name]["properties"].items():
            assert described.get("description"), key


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        return [found for item in value for found in references(item)] if isinstance(value, list) else []

    found = references(SCHEMA)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(SCHEMA["$defs"])


def test_the_schema_is_plain_json() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(
    ("name", "fits"), [("cart-abandoned", True), ("a", True), ("-a", False), ("a-", False), ("A", False)]
)
def test_names(name: str, *, fits: bool) -> None:
    assert bool(re.search(NAME_PATTERN, name)) == fits


@pytest.mark.parametrize(
    ("text", "fits"), [("90s", True), ("1h30m", True), ("1s500ms", True), ("30", False), ("5m1h", False)]
)
def test_durations(text: str, *, fits: bool) -> None:
    assert bool(re.search(DURATION_PATTERN, text)) == fits
