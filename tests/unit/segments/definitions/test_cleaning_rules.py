"""The rules of cleaning: what a file says, what is wrong with it, and when it is another one."""

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CLEANING_FILE, settings_text, settings_versions
from app.segments.definitions.cleaning_rules import CleaningRule
from app.segments.definitions.definition import CatalogSettings
from app.segments.definitions.problem import CatalogError

SEGMENT = {"s.yaml": "segment: s\nwhen: exists(page)\n"}
RULE = "event: Viewed, property: category"


def settings(text: str) -> CatalogSettings:
    """The settings of a catalog with this file."""
    return load_catalog(SEGMENT | {CLEANING_FILE: text}).settings


def test_without_the_file_there_are_no_rules() -> None:
    assert load_catalog(SEGMENT).settings.cleaning == ()


def test_every_key_is_read_in_the_order_of_the_rules() -> None:
    text = """
rules:
  - {event: [Viewed, Added], property: products.category, do: [trim, lower], map: {tees: t-shirt, "1": 1}}
  - {event: Viewed, property: category, default: true}
"""
    assert settings(text).cleaning == (
        CleaningRule(
            events=("Viewed", "Added"),
            path=("products", "category"),
            steps=("trim", "lower"),
            map={"tees": "t-shirt", "1": 1},
        ),
        CleaningRule(events=("Viewed",), path=("category",), default=True),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cleaning.yaml is empty | write rules: [{event: Product Viewed"),
        ("# nothing\n", "cleaning.yaml is empty"),
        ("event: Viewed\n", "unknown key event"),
        ("rules: []\n", "rules must be a list"),
        ("rules: [{property: x, do: [trim]}]\n", "a rule needs event"),
        ("rules: [{event: A, do: [trim]}]\n", "a rule needs property"),
        ("rules: [{event: [], property: x, do: [trim]}]\n", "event is empty"),
        ("rules: [{event: A, property: x..y, do: [trim]}]\n", "property has an empty part"),
        (f"rules: [{{{RULE}}}]\n", "the rule does nothing | give it do: [trim, lower], map or default"),
        (f"rules: [{{{RULE}, do: [lowr]}}]\n", "unknown step lowr: there are trim and lower | did you mean lower?"),
        (f"rules: [{{{RULE}, do: trim}}]\n", "do must be a list"),
        (f"rules: [{{{RULE}, map: {{}}}}]\n", "map has 0 values"),
        (f"rules: [{{{RULE}, map: {{a: [b]}}}}]\n", "what replaces a must be one value"),
        (f"rules: [{{{RULE}, map: {{a: b, a: c}}}}]\n", "a appears twice"),
        (f"rules: [{{{RULE}, default: 1e400}}]\n", "default must be one value"),
        (
            f"rules: [{{{RULE}, do: [lower], map: {{Tees: t-shirt}}}}]\n",
            "no value is 'Tees' after lower | write 'tees': map comes after do",
        ),
        ("segment: s\nwhen: exists(page)\n", "cleaning.yaml holds settings for all definitions, and no segment"),
    ],
)
def test_each_mistake_is_told(text: str, told: str) -> None:
    with pytest.raises(CatalogError) as caught:
        settings(text)
    assert any(told in f"{each.message} | {each.hint}" for each in caught.value.problems), str(caught.value)


def test_only_rules_that_mean_something_else_are_another_version() -> None:
    text = f"rules: [{{{RULE}, do: [trim, lower], map: {{b: x, a: y}}}}]\n"
    version = settings_versions(settings(text))[CLEANING_FILE]
    same = f"# a remark\nrules:\n- {{{RULE}, map: {{a: y, b: x}}, do: [trim, lower]}}\n"
    assert settings_versions(settings(same))[CLEANING_FILE] == version
    for other in (text.replace("trim, lower", "lower"), text.replace("x,", "z,"), text.replace("Viewed", "Added")):
        assert settings_versions(settings(other))[CLEANING_FILE] != version
    assert load_catalog(SEGMENT | {CLEANING_FILE: text}).version != load_catalog(SEGMENT).version


def test_rules_are_told_in_one_line() -> None:
    text = "rules: [{event: [A, B], property: x, do: [trim]}, {event: C, property: y.z, default: 1}]\n"
    assert settings_text(settings(text), CLEANING_FILE) == "x of A and B, y.z of C"
    assert settings_text(CatalogSettings(), CLEANING_FILE) == "no cleaning"
