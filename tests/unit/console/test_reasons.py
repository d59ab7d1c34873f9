"""The words for a change: which parts of the condition carried it."""

from typing import Any

import pytest

from app.console.reasons import Reasons
from app.segments.definitions.catalog import load_catalog

CATALOG = load_catalog(
    {
        "a.yaml": "segment: cart-abandoned\nwhen: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h\n",
        "b.yaml": "segment: browsers\nwhen: exists(page within 30d) and not exists('Order Completed' within 30d)\n",
        "c.yaml": "segment: fans\nenter: count(page within 1h) >= 4 or traits.plan in ['gold']\n"
        "exit: session.duration > 5m or count(page within 1h) < 2\n",
    }
)


def reason(segment: str, change: str, *atoms: tuple[str, Any], kind: str = "event") -> str:
    evidence = [{"expression": expression, "value": value} for expression, value in atoms]
    cause = {"kind": kind}
    return Reasons(CATALOG).of({"segment": segment, "change": change, "cause": cause, "evidence": evidence})


def cart(items: int, idle: str | None) -> tuple[tuple[str, Any], ...]:
    return (("cart.items > 0", items), ("cart.idle >= 30m", idle), ("cart.idle < 24h", idle))


def test_time_alone_is_told_by_the_bound_that_was_reached() -> None:
    assert reason("cart-abandoned", "entered", *cart(2, "30m"), kind="time") == "cart.idle >= 30m (30m)"
    assert reason("cart-abandoned", "exited", *cart(2, "1d"), kind="time") == "no longer cart.idle < 24h (1d)"


def test_leaving_is_told_by_what_no_longer_holds() -> None:
    assert reason("cart-abandoned", "exited", *cart(2, "0s")) == "no longer cart.idle >= 30m (0s)"
    told = reason("cart-abandoned", "exited", *cart(0, None))
    assert told == "no longer cart.items > 0 (0) and no longer cart.idle >= 30m and no longer cart.idle < 24h"


def test_what_must_not_be_is_told_as_such() -> None:
    page, order = "exists(page within 30d)", "exists('Order Completed' within 30d)"
    assert reason("browsers", "entered", (page, True), (order, False)) == f"{page} and not {order}"
    assert reason("browsers", "exited", (page, True), (order, True)) == order


def test_one_side_of_an_or_is_enough() -> None:
    count, plan = "count(page within 1h) >= 4", "traits.plan in ['gold']"
    assert reason("fans", "entered", (count, "4+"), (plan, None)) == f"{count} (4+)"
    assert reason("fans", "entered", (count, 1), (plan, "gold")) == f"{plan} (gold)"


def test_an_exit_condition_is_told_as_it_came_true() -> None:
    length, count = "session.duration > 5m", "count(page within 1h) < 2"
    assert reason("fans", "exited", (length, "2m"), (count, 1)) == f"{count} (1)"


@pytest.mark.parametrize("kind", ["forgotten", "catalog"])
def test_other_causes_have_words_of_their_own(kind: str) -> None:
    assert reason("cart-abandoned", "exited", kind=kind)


def test_values_that_do_not_explain_the_change_are_told_as_they_stand() -> None:
    told = reason("cart-abandoned", "entered", *cart(0, "1h"))
    assert told == "cart.items > 0 (0) and cart.idle >= 30m (1h) and cart.idle < 24h (1h)"


def test_a_segment_that_is_not_known_is_told_by_its_evidence() -> None:
    assert reason("other", "entered", ("a = 'b'", "b"), ("c", True)) == "a = 'b' (b) and c"
