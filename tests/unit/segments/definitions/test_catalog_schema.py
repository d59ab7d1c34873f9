"""The JSON Schema knows what the reader of files knows."""

import json
import re
from typing import Any

import pytest

from app.segments.definitions import catalog_settings, definition_file, time_travel
from app.segments.definitions.definition_schema import DURATION_PATTERN, NAME_PATTERN, schema

SCHEMA = schema()


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("segment", definition_file.SEGMENT_KEYS),
        ("score", definition_file.SCORE_KEYS),
        ("settings", catalog_settings.SETTINGS_KEYS),
        ("order", catalog_settings.ORDER_KEYS),
        ("points", definition_file.POINTS_KEYS),
        ("test", time_travel.TEST_KEYS),
        ("event", time_travel.EVENT_KEYS),
        ("expectation", time_travel.EXPECTATION_KEYS),
    ],
)
def test_the_schema_has_the_keys_of_the_reader(name: str, keys: tuple[str, ...]) -> None:
    described = SCHEMA["$defs"][name]
    assert set(described["properties"]) == set(keys)
    assert described["additionalProperties"] is False
    assert set(described.get("required", ())) <= set(keys)


def test_every_key_of_a_definition_is_described() -> None:
    for name in ("segment", "score", "settings", "order"):
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
