"""The generator of histories draws each function of the language."""

import re

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.language.functions import AGGREGATES
from tests.properties.catalogs import Writer
from tests.support.choices import Choices
from tests.support.histories import start_ms

DEFINITIONS = 450
TIMES_MIN = 3
CLOCKS = ("hour_of_day", "day_of_week", "day_of_month", "month", "week_of_year", "date")
OTHERS = (
    "until",
    "until_anniversary",
    "lower",
    "version",
    "near",
    "bucket",
    "list",
    "segment",
    "score",
    "key",
    "sequence",
)
MARKS = ("entered", "left", "since_left", "times")
FORMS = {
    "last N": r"\blast \d+ ",
    "any items": r"\bany [a-z.]+ \(",
    "count(items)": r"\bcount\((?:products|tags|o|x|parts)",
    "arithmetic of items": r"products\.\w+ [*/+-]",
    "no B between steps": r"then no .* then (?!no)",
    "is known": r" is known",
    "is missing": r" is missing",
    "first touch": r"first\(context",
    "timestamp": r"\btimestamp [<>]",
    "from to": r" from '",
    "user.id": r"\buser\.id",
    "since last": " since last ",
    "once per": " once per ",
}


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """The texts of the first definitions of the first seeds."""
    found: list[str] = []
    seed = 0
    while len(found) < DEFINITIONS:
        writer = Writer(Choices.seeded(seed))
        writer.clock_ms = start_ms(writer)
        files = writer.files()
        load_catalog(files)
        found += [text.replace("never('Nothing')", "") for text in files.values()]
        seed += 1
    return found[:DEFINITIONS]


@pytest.mark.parametrize("function", [*AGGREGATES, *CLOCKS, *OTHERS, *MARKS])
def test_each_function_is_drawn(drawn: list[str], function: str) -> None:
    assert sum(re.search(rf"(?<![\w.]){function}\(", text) is not None for text in drawn) >= TIMES_MIN


@pytest.mark.parametrize("form", FORMS)
def test_each_other_form_is_drawn(drawn: list[str], form: str) -> None:
    assert sum(re.search(FORMS[form], text) is not None for text in drawn) >= TIMES_MIN
