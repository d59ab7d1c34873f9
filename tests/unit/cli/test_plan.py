"""`shoal plan`: which event touches what, which segments that changes, and in which order they are settled."""

from pathlib import Path

import pytest

from app.catalogs.definitions_folder import load_segments
from app.cli import main as cli
from app.console.plan_view import EVERY, Touch, kinds_read, make_plan
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules

ROOT = Path(__file__).parents[3]
RULES = TimeRules()
FILES = {
    "shoppers.yaml": "segment: shoppers\nwhen: exists('Product Added' within 30d) and not segment('buyers')\n",
    "buyers.yaml": "segment: buyers\nwhen: count(any('Bought', page) where price > 5 within 7d) > 1\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0 and session.pages > 1\n",
    "again.yaml": "segment: again\nwhen: exists('Bought' since last 'Returned')\n",
    "pros.yaml": "segment: pros\nwhen: traits.plan = 'pro' and context.country = 'DE'\n",
    "leads.yaml": "segment: leads\nwhen: score('intent') > 5\n",
    "late.yaml": "segment: late\nwhen: exists(sequence('Product Added' then no 'Bought' for 1h) within 1d)\n",
    "trying.yaml": "segment: trying\nstatus: draft\nwhen: exists('Tried')\n",
    "gone.yaml": "segment: gone\nstatus: retired\nwhen: exists(page)\n",
    "intent.yaml": "score: intent\npoints: [{on: 'Product Added', add: 5}, {when: user.idle < 1d, add: 1}]\n",
}

BY_VALUE = {
    "left.yaml": "segment: left\neach: {value: sku, of: Shown}\n"
    "when: exists('Viewed' within 1d) and not exists('Bought' within 1d)\n"
}


def test_an_event_names_what_it_touches_and_who_is_looked_at() -> None:
    events = make_plan(load_catalog(FILES), RULES).events
    assert list(events) == [
        EVERY,
        "identify",
        "page",
        *("'Bought'", "'Cart Cleared'", "'Order Completed'", "'Product Added'", "'Product Removed'", "'Returned'"),
    ]
    assert events["'Product Added'"] == (
        Touch("the cart: products, quantities, prices, and its latest additions and removals", ("carts",)),
        Touch("when the last of sequence('Product Added' then no 'Bought' for 1h) was within 1d", ("late",)),
        Touch("how many of 'Product Added'", ("leads",)),
        Touch("when the last of 'Product Added' was within 30d", ("shoppers",)),
    )
    assert events["'Returned'"] == (Touch("when the last of 'Bought' was since last 'Returned'", ("again",)),)
    assert events["page"] == (
        Touch("when the last 2 of any('Bought', page) where price > 5 were within 7d", ("buyers",)),
    )
    assert {touch.segments for touch in events[EVERY]} == {("carts",), ("pros",), ("leads",)}
    assert [touch.segments for touch in events["identify"]] == [("pros",)]


def test_segments_stand_in_order_of_settlement_with_what_they_use() -> None:
    plan = make_plan(load_catalog(FILES), RULES)
    assert plan.order == (
        ("again", ()),
        ("buyers", ()),
        ("carts", ()),
        ("gone", ("retired: nobody is in it",)),
        ("late", ()),
        ("leads", ("score intent",)),
        ("pros", ()),
        ("shoppers", ("segment buyers",)),
    )
    assert plan.drafts == ("trying",)


def test_an_event_names_what_it_touches_of_each_value_of_a_segment_by_value() -> None:
    plan = make_plan(load_catalog(BY_VALUE), RULES)
    assert plan.events == {
        "'Bought'": (Touch("for each sku: when the last of 'Bought' was within 1d", ("left",)),),
        "'Shown'": (Touch("which values of sku are known", ("left",)),),
        "'Viewed'": (Touch("for each sku: when the last of 'Viewed' was within 1d", ("left",)),),
    }
    assert plan.aggregates == 2
    assert kinds_read(load_catalog(BY_VALUE), RULES)["left"] == ["'Bought'", "'Shown'", "'Viewed'"]


def test_the_source_of_a_segment_by_value_is_what_its_events_and_its_settlement_do_to_one_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in BY_VALUE.items():
        (tmp_path / name).write_text(text)
    assert cli.main(["plan", str(tmp_path), "--source", "left"]) == 0
    printed = capsys.readouterr().out
    functions = [line[4:].partition("(")[0] for line in printed.splitlines() if line.startswith("def ")]
    events = [name for number in range(3) for name in (f"handle_{number}", f"feed_{number}_0")]
    assert functions == [*events, "settle_0", "entry_evidence_0", "exit_evidence_0"]
    assert "settles one value of the segment" in printed


def test_the_plan_of_the_shipped_catalog_names_the_events_that_the_program_handles() -> None:
    catalog = load_segments(ROOT / "deploy" / "segments")
    handled = compile_catalog(catalog, RULES).handlers
    names = {f"'{name}'" if kind == "track" else kind for kind, name in handled}
    assert {event for event in make_plan(catalog, RULES).events if event != EVERY} == names


def test_it_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    assert cli.main(["plan", str(tmp_path)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "every event"
    assert "'Returned'" in lines
    assert "when the last of 'Bought' was since last 'Returned' → again" in lines
    assert "8 shoppers after segment buyers" in lines
    assert "drafts, left out: trying" in lines


def test_definitions_that_are_wrong_have_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.yaml").write_text("segment: wrong\nwhen: cuont(page) > 1\n")
    assert cli.main(["plan", str(tmp_path)]) == cli.EXIT_USER_ERROR
    assert f"{tmp_path}/wrong.yaml:2:" in capsys.readouterr().err


def test_the_source_of_a_segment_is_its_functions_and_those_of_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    assert cli.main(["plan", str(tmp_path), "--source", "shoppers"]) == 0
    printed = capsys.readouterr().out
    program = compile_catalog(load_catalog(FILES), RULES)
    number = next(segment.number for segment in program.segments if segment.name == "shoppers")
    functions = [line[4:].partition("(")[0] for line in printed.splitlines() if line.startswith("def ")]
    handler = program.handlers["track", "Product Added"].handle.__name__
    assert functions == [handler, f"settle_{number}", f"entry_evidence_{number}", f"exit_evidence_{number}"]
    assert f"returns the segments to settle; shoppers is {1 << number}" in printed
    assert " at 0x" not in printed, "the same whenever it is printed"


@pytest.mark.parametrize("name", ["carts", "pros", "leads", "late", "gone", "again", "buyers"])
def test_every_segment_has_a_source(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    assert cli.main(["plan", str(tmp_path), "--source", name]) == 0
    assert "def settle_" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["trying", "shopers"])
def test_a_segment_that_is_not_compiled_has_no_source(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    assert cli.main(["plan", str(tmp_path), "--source", name]) == 2
    assert f"no segment {name} is compiled" in capsys.readouterr().err
