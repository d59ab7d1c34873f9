"""The numbers on the page of limits are those of the program."""

from pathlib import Path

import pytest

from app.events.message import MESSAGE_BYTES_MAX, USER_BYTES_MAX
from app.segments.compiler.evidence import ATOMS_MAX
from app.segments.definitions.definition_format import ATTACH_MAX, NAME_LENGTH_MAX, POINTS_MAX
from app.segments.definitions.model_file import CLASSES_MAX, NUMBERS_MAX
from app.segments.definitions.model_file import DEPTH_MAX as TREE_DEPTH_MAX
from app.segments.definitions.persona import (
    NAME_CHARACTERS_MAX,
    PICTURE_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    TRAITS_MAX,
)
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import DURATION_MS_MAX
from app.segments.language.parser import DEPTH_MAX, EXPRESSION_LENGTH_MAX
from app.segments.language.population_checks import LEAST_PERCENT
from app.segments.review.footprint import PROFILE_BYTES_MAX
from app.service.incoming.pushed import PUSHED_BYTES_MAX, RECORDS_MAX
from tables import by_value, cart, counted, cut_texts, message_ids, pairs, recent, sequences, values, windows
from tools.docs_pages import ROOT, code, rows

PAGE: Path = ROOT / "docs" / "limits.md"
DAY_MS = 86_400_000
RULES = TimeRules()

# The beginning of a row, and the beginning of its limit.
LIMITS = {
    "events of one `count`": f"{windows.EVENTS_MAX:,}",
    "values of one `first`": f"{pairs.FIRST_BYTES_MAX // 1024} KB together",
    "different values of": f"{recent.VALUES_MAX}",
    "products in the cart": f"{cart.ITEMS_MAX}",
    "values of a list": f"{values.LIST_ITEMS_MAX}",
    "message ids remembered": f"{message_ids.IDS_MAX:,} a user",
    "R events (with": f"{sequences.ABSENTS_MAX}, for the allowed lateness",
    "B events (with": f"{sequences.ABSENTS_MAX}, for the allowed lateness",
    "atoms in the evidence": f"{ATOMS_MAX}",
    "time without an event": f"{RULES.retention_ms // DAY_MS} days",
    "a text that is only compared": f"{cut_texts.TEXT_BYTES_MATCHED_MAX} bytes",
    "a text remembered as a value": f"{cut_texts.TEXT_BYTES_KEY_MAX} bytes",
    "a text remembered by": f"{cut_texts.TEXT_BYTES_VALUE_MAX:,} bytes",
    "a message": f"{MESSAGE_BYTES_MAX // 1024} KB",
    "a [pushed request]": f"{PUSHED_BYTES_MAX >> 20} MB, {RECORDS_MAX:,} records",
    "a `userId` or": f"{USER_BYTES_MAX} bytes",
    "an event behind its user's": f"{RULES.lateness_ms // 3_600_000} h",
    "an event ahead of": f"{RULES.skew_max_ms // 60_000} min",
    "an event behind the latest": f"{RULES.disorder_ms // 1_000} s",
    "the name of a segment": f"{NAME_LENGTH_MAX} characters",
    "a definition file": f"{FILE_LENGTH_MAX:,} characters",
    "a [model]": f"{FILE_LENGTH_MAX:,} characters, {CLASSES_MAX} classes, {NUMBERS_MAX} numbers a row, trees "
    f"{TREE_DEPTH_MAX} decisions",
    "one expression": f"{EXPRESSION_LENGTH_MAX:,} characters, {DEPTH_MAX} levels",
    "values under `attach`": f"{ATTACH_MAX}",
    "a [persona]": f"{TRAITS_MAX} traits; {NAME_CHARACTERS_MAX} characters for its name, {TEXT_CHARACTERS_MAX} for its "
    f"offer and each trait, {PICTURE_CHARACTERS_MAX:,} for",
    "what a segment [by value]": f"counted {by_value.VALUES_MAX} times",
    "known values of a segment": f"{by_value.VALUES_MAX} a user",
    "the share in [`top": f"from {LEAST_PERCENT} % to {100 - LEAST_PERCENT} %, in steps of {LEAST_PERCENT} %",
    "entries under `points`": f"{POINTS_MAX}",
    "the largest profile": f"{PROFILE_BYTES_MAX // 1024} KB",
    "a duration": f"{DURATION_MS_MAX // DAY_MS:,} days",
}


@pytest.mark.parametrize(("what", "limit"), LIMITS.items(), ids=LIMITS.keys())
def test_the_page_names_the_limit_that_holds(what: str, limit: str) -> None:
    (cells,) = [row.cells for row in rows(PAGE) if row.cells[0].startswith(what)]
    assert cells[1].startswith(limit)


def test_the_page_says_what_is_counted_and_nothing_else() -> None:
    tables = [row for row in rows(PAGE) if "counted as" in row.head]
    said = {name for row in tables for name in code(row.cells[row.head.index("counted as")])}
    assert said == set(counted.MEANINGS)


def test_the_largest_number_is_the_one_that_is_named() -> None:
    assert f"between -10^{len(str(values.NUMBER_MAX)) - 1} and" in PAGE.read_text(encoding="utf-8")
    assert 10 ** (len(str(values.NUMBER_MAX)) - 1) == values.NUMBER_MAX
