"""`shoal explain` of a segment by value: all values that are known, and the reasons of one."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.test_explain import CART, Asking, event

PRODUCTS = """\
segment: left-behind
title: Left behind
each: product_id
when: exists('Product Added' within 1d) and since('Product Added') >= 30m and not exists('Product Ordered' within 1d)
attach: {price: max(price of 'Product Added')}
"""
FORGETFUL = """\
segment: left-behind
each: product_id
when: exists('Product Added' within 1d) and not exists('Product Ordered' within 1d)
for: 30m
"""


def added(at: str, product: Any, **more: Any) -> dict[str, Any]:
    return event(at, "anna", "Product Added", product_id=product, **more)


@pytest.fixture
def ask_products(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asking:
    (tmp_path / "segments").mkdir()
    ask = Asking(tmp_path, capsys)
    (ask.shop / "segments" / "cart-abandoned.yaml").write_text(CART)
    (ask.shop / "segments" / "left-behind.yaml").write_text(PRODUCTS)
    ask.messages = [
        added("05T10:00:00", "A1", price=40),
        added("05T10:10:00", "B2", price=5),
        added("05T10:20:00", 5, price=1),
        event("05T11:00:00", "anna", "Product Ordered", product_id="A1"),
        event("05T12:00:00", "bert"),
    ]
    return ask


def test_of_a_segment_by_value_all_known_values_are_listed(ask_products: Asking) -> None:
    gone = "no longer exists('Product Added' within 1d)"
    assert ask_products("anna", "left-behind") == [
        "anna is in left-behind (Left behind) at 2026-01-05 12:00:00 UTC",
        "  for the 1st time, since 2026-01-05 10:30:00 (1h30m)",
        "",
        "in by",
        f"  5   for the 1st time, since 2026-01-05 10:50:00 (1h10m)  leaves at 2026-01-06 10:20:00 (in 22h20m): {gone}",
        f"  B2  for the 1st time, since 2026-01-05 10:40:00 (1h20m)  leaves at 2026-01-06 10:10:00 (in 22h10m): {gone}",
        "",
        "known, and not in by",
        "  A1  left at 2026-01-05 11:00:00 (1h ago)  stays so without an event",
        "",
        "for the reasons of one, ask again with --value 5",
        "",
        "changes",
        "  2026-01-05 10:30:00  entered  1st time  A1  since('Product Added') >= 30m (30m)",
        "  2026-01-05 10:40:00  entered  1st time  B2  since('Product Added') >= 30m (30m)",
        "  2026-01-05 10:50:00  entered  1st time  5   since('Product Added') >= 30m (30m)",
        "  2026-01-05 11:00:00  exited   1st time  A1  exists('Product Ordered' within 1d)",
    ]


def test_one_value_is_explained_as_a_segment_of_its_own(ask_products: Asking) -> None:
    assert ask_products("anna", "left-behind", "--value", "A1") == [
        "anna is not in left-behind by A1 (Left behind) at 2026-01-05 12:00:00 UTC",
        "  was in 1 time, left at 2026-01-05 11:00:00 (1h ago)",
        "",
        "in while",
        "  ✓  exists('Product Added' within 1d)            since 2026-01-05 10:00:00 (2h)",
        "  ✓  since('Product Added') >= 30m            2h  since 2026-01-05 10:30:00 (1h30m)",
        "  ✗  not exists('Product Ordered' within 1d)      since 2026-01-05 11:00:00 (1h)",
        "",
        "next, if no event comes",
        "  nothing changes; the user is forgotten at 2027-02-09 11:00:00",
        "",
        "changes",
        "  2026-01-05 10:30:00  entered  1st time  since('Product Added') >= 30m (30m)",
        "  2026-01-05 11:00:00  exited   1st time  exists('Product Ordered' within 1d)",
    ]
    of_b2 = ask_products("anna", "left-behind", "--value", "B2")
    assert of_b2[1] == "  for the 1st time, since 2026-01-05 10:40:00 (1h20m)"
    assert "  price: 5" in of_b2


def test_a_number_is_meant_before_a_text_and_quotes_mean_the_text(ask_products: Asking) -> None:
    ask_products.messages.insert(3, added("05T10:55:00", "5"))
    assert ask_products("anna", "left-behind", "--value", "5")[1].endswith("since 2026-01-05 10:50:00 (1h10m)")
    assert ask_products("anna", "left-behind", "--value", '"5"')[1].endswith("since 2026-01-05 11:25:00 (35m)")


def test_texts_that_could_be_another_value_or_none_are_listed_in_quotes(ask_products: Asking) -> None:
    ask_products.messages[3:3] = [added("05T10:50:00", each) for each in ("5", True, "true", "")]
    lines = ask_products("anna", "left-behind")
    listed = [line.split()[0] for line in lines[lines.index("in by") + 1 : lines.index("known, and not in by") - 1]]
    assert listed == ['""', "5", '"5"', "B2", "true", '"true"']
    assert [line.split()[5] for line in lines[-4:]] == ['""', '"5"', "true", '"true"']
    assert ask_products("anna", "left-behind", "--value", '""')[0].startswith('anna is in left-behind by "" (Left')


def test_a_value_of_which_nothing_is_known_says_which_are(ask_products: Asking) -> None:
    said = ask_products.fails("anna", "left-behind", "--value", "A2")
    assert "left-behind knows nothing of the product_id A2 of user anna at 2026-01-05 12:00:00" in said
    assert "there are 5, A1, B2" in said
    assert "cart-abandoned has no values (each)" in ask_products.fails("anna", "cart-abandoned", "--value", "A1")


def test_a_value_that_is_forgotten_is_told_with_what_it_did(ask_products: Asking) -> None:
    (ask_products.shop / "segments" / "left-behind.yaml").write_text(FORGETFUL)
    ask_products.messages.append(added("08T10:00:00", "C3"))
    lines = ask_products("anna", "left-behind", "--value", "A1")
    assert lines[1].startswith("  was in by it before; now nothing of it is remembered")
    assert lines[-1] == "  2026-01-05 11:00:00  exited   1st time  exists('Product Ordered' within 1d)"
    known, value = ask_products("anna", "left-behind")[3:5]
    assert known == "known, and not in by"
    assert value.startswith(
        "  C3  never was; latest event at 2026-01-08 10:00:00  enters at 2026-01-08 10:30:00 (in 30m)"
    )


def test_a_value_keeps_its_reasons_where_the_limit_would_have_forgotten_it(ask_products: Asking) -> None:
    """By `exists('Product Added' within 1d)` alone the user would be in by 101 values, and out by the oldest."""
    when = "exists('Product Added' within 1d) and exists('Liked' within 1d)"
    text = f"segment: left-behind\neach: product_id\nwhen: {when}\n"
    (ask_products.shop / "segments" / "left-behind.yaml").write_text(text)
    liked = event("05T10:00:30", "anna", "Liked", product_id="first")
    others = [added(f"05T11:{number // 60:02}:{number % 60:02}", f"p{number}") for number in range(100)]
    ask_products.messages = [added("05T10:00:00", "first"), liked, *others]
    lines = ask_products("anna", "left-behind", "--value", "first")
    assert lines[0] == "anna is in left-behind by first at 2026-01-05 11:01:39 UTC"
    assert [line[:3] for line in lines[4:6]] == ["  ✓", "  ✓"]


def test_a_product_in_the_cart_is_explained_by_its_line(ask_products: Asking) -> None:
    text = "segment: left-behind\neach: product_id\nwhen: item.quantity > 0 and item.idle >= 30m\n"
    (ask_products.shop / "segments" / "left-behind.yaml").write_text(text)
    ask_products.messages[3] = event("05T11:00:00", "anna", "Product Removed", product_id="A1")
    assert ask_products("anna", "left-behind", "--value", "B2")[:6] == [
        "anna is in left-behind by B2 at 2026-01-05 12:00:00 UTC",
        "  for the 1st time, since 2026-01-05 10:40:00 (1h20m)",
        "",
        "in while",
        "  ✓  item.quantity > 0  1      since 2026-01-05 10:10:00 (1h50m)",
        "  ✓  item.idle >= 30m   1h50m  since 2026-01-05 10:40:00 (1h20m)",
    ]
    assert ask_products("anna", "left-behind", "--value", "A1")[4:6] == [
        "  ✗  item.quantity > 0  0        since 2026-01-05 11:00:00 (1h)",
        "  ✗  item.idle >= 30m   nothing  since 2026-01-05 11:00:00 (1h)",
    ]
