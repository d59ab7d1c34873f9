"""The engine on a month of a real shop says what SQL says: who entered and left each segment, and when."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import SETTINGS_FILE
from app.segments.definitions.definition import Catalog, Segment
from app.segments.evaluation.change import Change
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.syntax import ScoreValue
from app.segments.language.walk import walk
from app.segments.partition.partition import Partition
from tests.model.asked import needs, said_by
from tests.model.messages import instant_ms
from tests.model.sql_parity import shop
from tests.model.sql_parity.flips import changes
from tests.model.sql_parity.newer_questions import LISTED_CARTS, NEWER, SHIPPED_CARTS
from tests.model.sql_parity.questions import OTHERS, SHIPPED, Question

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not shop.FILE.exists(), reason=f"needs {shop.FILE.name} (TRUTH_DATA says where it is)"),
    pytest.mark.timeout(600),
]

CATALOG = Path(__file__).parents[3] / "deploy" / "segments"
RECORDS_AT_ONCE = 20_000

OF_THE_CATALOG = (*SHIPPED, *SHIPPED_CARTS)
OF_THIS_SHOP = (*OTHERS, *NEWER)

Flip = tuple[str, int, str]


@pytest.fixture(scope="module")
def events() -> Iterator[duckdb.DuckDBPyConnection]:
    with shop.database() as connection:
        yield connection


@pytest.fixture(scope="module")
def said_by_the_engine() -> dict[str, list[Flip]]:
    """Entries and exits by segment, ordered by user; the clock ends at the last event's instant."""
    return said({f"{question.name}.yaml": definition(question) for question in (*OF_THE_CATALOG, *OF_THIS_SHOP)})


@pytest.fixture(scope="module")
def said_where_an_order_takes_what_it_lists() -> dict[str, list[Flip]]:
    files = {f"{question.name}.yaml": definition(question) for question in LISTED_CARTS}
    return said(files | {SETTINGS_FILE: "cart: {order_takes: listed}\n"})


def said(files: dict[str, str]) -> dict[str, list[Flip]]:
    rules = TimeRules()
    partition = Partition(compile_catalog(load_catalog(files), rules), rules)
    found: dict[str, list[Flip]] = {}
    records = list(shop.records())
    for start in range(0, len(records), RECORDS_AT_ONCE):
        gather(partition.process(records[start : start + RECORDS_AT_ONCE]).changes, found)
    gather(partition.advance(partition.clock_ms + rules.disorder_ms).changes, found)
    for flips in found.values():
        flips.sort(key=lambda flip: flip[0])  # stable: a user's changes keep their order
    return found


def gather(told: list[Change], found: dict[str, list[Flip]]) -> None:
    for change in told:
        if change.change != "updated":
            found.setdefault(change.segment, []).append((change.user, instant_ms(change.at), change.change))


def definition(question: Question) -> str:
    if question.definition is None:
        return (CATALOG / f"{question.name}.yaml").read_text()
    return f"segment: {question.name}\nwhen: >-\n  {question.definition}\n"


@pytest.mark.parametrize("question", [*OF_THE_CATALOG, *OF_THIS_SHOP], ids=lambda question: question.name)
def test_sql_says_the_same(
    question: Question, events: duckdb.DuckDBPyConnection, said_by_the_engine: dict[str, list[Flip]]
) -> None:
    check(question, events, said_by_the_engine)


@pytest.mark.parametrize("question", LISTED_CARTS, ids=lambda question: question.name)
def test_sql_says_the_same_of_carts_from_which_an_order_takes_what_it_lists(
    question: Question,
    events: duckdb.DuckDBPyConnection,
    said_where_an_order_takes_what_it_lists: dict[str, list[Flip]],
) -> None:
    check(question, events, said_where_an_order_takes_what_it_lists)
    assert said_where_an_order_takes_what_it_lists[question.name]


def check(question: Question, events: duckdb.DuckDBPyConnection, by_the_engine: dict[str, list[Flip]]) -> None:
    [(end_ms,)] = events.execute("select max(t) from event").fetchall()
    said_by_sql = events.execute(changes(question.facts, question.condition, end_ms)).fetchall()
    got = by_the_engine.get(question.name, [])
    only_sql = sorted(set(said_by_sql) - set(got))
    only_engine = sorted(set(got) - set(said_by_sql))
    assert (only_sql[:5], only_engine[:5]) == ([], [])
    assert got == said_by_sql


def test_every_shipped_segment_is_asked_that_has_no_hold_or_score() -> None:
    catalog = load_catalog({path.name: path.read_text() for path in CATALOG.glob("*.yaml")})
    asked = {segment.name for segment in catalog.segments if not is_left_to_the_oracle(segment, catalog)}
    assert {question.name for question in OF_THE_CATALOG} == asked


def is_left_to_the_oracle(segment: Segment, catalog: Catalog) -> bool:
    """True if it, or a segment that it uses, has hold or a score."""
    nodes = [node for expression in said_by(segment) for node in walk(expression)]
    return (
        segment.hold_ms > 0
        or any(isinstance(node, ScoreValue) for node in nodes)
        or any(is_left_to_the_oracle(catalog.segment(name), catalog) for name in needs(segment, catalog))
    )


def test_the_month_is_not_silent_about_any_of_the_others(said_by_the_engine: dict[str, list[Flip]]) -> None:
    silent = [question.name for question in OF_THIS_SHOP if not said_by_the_engine.get(question.name)]
    assert silent == []
