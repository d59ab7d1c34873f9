"""The parts of a catalog that a backfill plays again."""

import pytest

from app.errors import UserError
from app.offline.backfill_plan import plan_of
from app.segments.compiler.aggregates import segment_id
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules

FILES = {
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed') >= 2\n",
    "filled.yaml": "segment: filled\nwhen: cart.items > 0 and segment('viewers')\n",
    "both.yaml": "segment: both\nwhen: segment('filled') and exists('Signed In')\n",
    "old.yaml": "segment: old\nwhen: segment('filled') and exists('Gone')\nstatus: retired\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed')\n",
    "draft.yaml": "segment: draft\nwhen: exists('Order Completed')\nstatus: draft\n",
}
RULES = TimeRules()


def test_what_reads_a_segment_is_played_too_but_not_filled() -> None:
    plan = plan_of(load_catalog(FILES), ["filled"], RULES, source="topic")
    names = {segment.name for segment in plan.program.segments}
    assert {"viewers", "filled", "both"} <= names
    assert "buyers" not in names
    assert plan.segments == (segment_id("filled"),)
    assert len(plan.aggregates) == 1, "the views alone: what the readers ask is not filled"
    assert plan.parts == ("cart",)


def test_the_values_of_a_segment_by_value_are_filled_as_one_aggregate() -> None:
    files = {"left.yaml": "segment: left\neach: sku\nwhen: exists('Product Added' within 1d)\n"}
    plan = plan_of(load_catalog(files), ["left"], RULES, source="topic")
    (values,) = plan.program.by_value
    assert plan.segments == (values.segment,)
    assert plan.aggregates == {values.state_id}
    assert plan.kept == {values.segment, values.state_id}
    assert plan.missing({values.state_id: 5}, {values.state_id: 9}) == plan.aggregates
    assert plan.missing({values.state_id: 9}, {values.state_id: 5}) == set(), "a worker knows more than the log has"


def test_a_cart_that_another_segment_reads_stays_as_it_is() -> None:
    files = FILES | {"carts.yaml": "segment: carts\nwhen: cart.items > 3\n"}
    assert plan_of(load_catalog(files), ["filled"], RULES, source="topic").parts == ()
    assert plan_of(load_catalog(files), ["filled", "carts"], RULES, source="topic").parts == ("cart",)


def test_another_catalog_or_history_is_another_backfill() -> None:
    plans = [
        plan_of(load_catalog(FILES), ["filled"], RULES, source="topic"),
        plan_of(load_catalog(FILES), ["filled"], RULES, source="topic since 90d"),
        plan_of(load_catalog(FILES), ["filled", "viewers"], RULES, source="topic"),
    ]
    assert len({plan.id for plan in plans}) == 3
    assert plan_of(load_catalog(FILES), ["filled"], RULES, source="topic").id == plans[0].id


@pytest.mark.parametrize("name", ["draft", "old", "nobody"])
def test_what_is_not_live_cannot_be_filled(name: str) -> None:
    with pytest.raises(UserError, match=f"no live segment {name}"):
        plan_of(load_catalog(FILES), [name], RULES, source="topic")
