"""Every aggregate function is explained on the page of the language, and the present ones are what it says of them."""

import re

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition_schema import schema
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.functions import AGGREGATES, Asked
from app.segments.language.parser import parse_expression
from app.segments.review.cold_start import doubts
from app.segments.review.footprint import footprints
from tables.counted import Counted
from tests.model.aggregates import value as oracle_value
from tests.model.history import History
from tools.docs_pages import ROOT

PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
SCOPES = ("", " within 1d", " since last 'B'")


def call(name: str, scope: str = "") -> str:
    """The function as an example names it."""
    entry = AGGREGATES[name]
    rank = "90, " if entry.ranked else ""
    return f"{name}({rank}{f'{entry.example} of ' if entry.of_property else ''}'A'{scope})"


CALLS = [
    (name, scope)
    for name, entry in AGGREGATES.items()
    for scope in SCOPES
    if not (entry.ends_at_midnight and "within" in scope)
]
by_call = pytest.mark.parametrize(("name", "scope"), CALLS)


@pytest.mark.parametrize("name", AGGREGATES)
def test_the_page_has_a_row_for_each_function(name: str) -> None:
    assert re.search(rf"^\| .*`{name}\(.* \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", AGGREGATES)
def test_the_schema_for_editors_names_each_function(name: str) -> None:
    assert f"{name}(" in schema()["$defs"]["expression"]["description"]


@by_call
def test_entry_state_and_oracle_agree_on_the_value_of_nothing(name: str, scope: str) -> None:
    entry, node = AGGREGATES[name], parse_expression(call(name, scope))
    nothing = oracle_value(node, History(session_gap_ms=1, lateness_ms=1), 1)  # type: ignore[arg-type]  # an aggregate
    assert nothing == entry.nothing
    if entry.reading == "value":
        within_ms = 86_400_000 if "within" in scope else None
        state = entry.state(
            Asked(within_ms, bool(scope), per=False, places=None, zone="UTC", counted=Counted(), rank=90),
        )
        assert state.value(None, 1) == entry.nothing
        assert state.until(None, 1) > 1


@by_call
def test_what_each_function_keeps_is_said_and_counted(name: str, scope: str) -> None:
    text = f"segment: s\nwhen: exists('A')\nattach: {{x: \"{call(name, scope)}\"}}\n"
    catalog = load_catalog({"s.yaml": text})
    found = footprints(catalog, TimeRules())
    (kept,) = [each for each in found["s"].kept if each.id.startswith("aggregate") and each.words.count("A")][:1]
    assert 0 < kept.size.typical <= kept.size.most
    assert doubts(catalog, catalog.segment("s"), found) == ()
