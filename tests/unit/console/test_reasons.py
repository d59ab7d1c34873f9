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
        "d.yaml": "segment: quiet\nwhen: cart.items > 0 and cart.idle >= 30m\nfor: 2h\n",
        "f.yaml": "segment: held\nwhen: exists('A' within 1h)\nhold: 3h\n",
        "g.yaml": "segment: cooled\nwhen: exists('A' within 1h)\nfor: 10m\ncooldown: 1d\n",
        "e.yaml": "segment: mixed\nwhen: (exists('A') and exists('B')) or (exists('A') and not count('C') > 3)\n",
    }
)


def reason(segment: str, change: str, *atoms: tuple[str, Any], kind: str = "event") -> str:
    evidence = [{"expression": expression, "value": value} for expression, value in atoms]
    cause = {"kind": kind}
    return Reasons(CATALOG).of({"segment": segment, "change": change, "cause": cause, "evidence": evidence})


def cart(items: int, idle: str | None) -> tuple[tuple[str, Any], ...]:
    return (("cart.items > 0", items), ("cart.idle >= 30m", idle), ("cart.idle < 1d", idle))


def test_time_alone_is_told_by_the_bound_that_was_reached() -> None:
    assert reason("cart-abandoned", "entered", *cart(2, "30m"), kind="time") == "cart.idle >= 30m (30m)"
    assert reason("cart-abandoned", "exited", *cart(2, "1d"), kind="time") == "no longer cart.idle < 1d (1d)"


def test_leaving_is_told_by_what_no_longer_holds() -> None:
    assert reason("cart-abandoned", "exited", *cart(2, "0s")) == "no longer cart.idle >= 30m (0s)"
    told = reason("cart-abandoned", "exited", *cart(0, None))
    assert told == "no longer cart.items > 0 (0) and no longer cart.idle >= 30m and no longer cart.idle < 1d"


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


def test_a_branch_that_is_told_alone_is_found_in_its_condition() -> None:
    count, plan = "count(page within 1h) >= 4", "traits.plan in ['gold']"
    assert reason("fans", "entered", (plan, "gold")) == f"{plan} (gold)"
    assert reason("fans", "entered", (count, "4+")) == f"{count} (4+)"
    third = "not count('C') > 3"
    assert reason("mixed", "entered", ("exists('A')", True), (third, 2)) == f"exists('A') and {third} (2)"


def test_a_part_behind_not_has_its_own_value() -> None:
    page, order = "exists(page within 30d)", "not exists('Order Completed' within 30d)"
    assert reason("browsers", "entered", (page, True), (order, True)) == f"{page} and {order}"
    assert reason("browsers", "exited", (page, True), (order, False)) == order.removeprefix("not ")


def test_the_wait_for_entering_is_named() -> None:
    items, idle = ("cart.items > 0", 1), ("cart.idle >= 30m", "2h30m")
    assert reason("quiet", "entered", items, idle, kind="time") == (
        "cart.items > 0 (1) and cart.idle >= 30m (2h30m), for 2h"
    )
    assert reason("quiet", "exited", ("cart.items > 0", 0), idle) == "no longer cart.items > 0 (0)"


@pytest.mark.parametrize("kind", ["forgotten", "catalog"])
def test_other_causes_have_words_of_their_own(kind: str) -> None:
    assert reason("cart-abandoned", "exited", kind=kind)


def test_values_that_do_not_explain_the_change_are_told_as_they_stand() -> None:
    told = reason("cart-abandoned", "entered", *cart(0, "1h"))
    assert told == "cart.items > 0 (0) and cart.idle >= 30m (1h) and cart.idle < 1d (1h)"


def test_a_segment_that_is_not_known_is_told_by_its_evidence() -> None:
    assert reason("other", "entered", ("a = 'b'", "b"), ("c", True)) == "a = 'b' (b) and c"


def waited(segment: str, change: str, at: str, turned_at: str | None, kind: str = "time") -> str:
    evidence = [{"expression": "exists('A' within 1h)", "value": change == "entered"}]
    said = {"segment": segment, "change": change, "at": at, "cause": {"kind": kind}, "evidence": evidence}
    return Reasons(CATALOG).of(said, turned_at=turned_at)


def test_the_end_of_hold_is_named_where_it_lets_out() -> None:
    at, entered = "2026-01-05T13:00:00.000Z", "2026-01-05T10:00:00.000Z"
    told = "no longer exists('A' within 1h)"
    assert waited("held", "exited", at, entered) == f"{told}, after a hold of 3h"
    assert waited("held", "exited", "2026-01-05T13:00:00.001Z", entered) == told
    assert waited("held", "exited", at, entered, kind="event") == told
    assert waited("held", "exited", at, None) == told


def test_the_end_of_cooldown_is_named_where_it_lets_in() -> None:
    at, left = "2026-01-05T13:00:00.000Z", "2026-01-04T13:00:00.000Z"
    told = "exists('A' within 1h), for 10m"
    assert waited("cooled", "entered", at, left) == f"{told}, after a cooldown of 1d"
    assert waited("cooled", "entered", at, "2026-01-04T12:59:59.999Z") == told
    assert waited("held", "entered", at, left) == "exists('A' within 1h)"
