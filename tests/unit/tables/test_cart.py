"""The cart: what comes in, what goes out, what an older event may still change."""

from collections.abc import Sequence
from copy import deepcopy
from random import Random

import pytest

from tables import cart
from tables.cart import Cart, MergeRule
from tables.cart_moves import MOVES_MAX
from tables.counted import CART_ITEM_DROPPED, Counted
from tables.values import joined_key

ONE = 1_000_000


def added(before: Cart | None, t: int, key: str, quantity: float = 1, price: float | None = None) -> Cart:
    priced = None if price is None else int(price * ONE)
    after = cart.add(before, t, key, int(quantity * ONE), priced, Counted(), kept_ms=0)
    assert after is not None
    return after


def removed(before: Cart | None, t: int, key: str, quantity: float | None = None) -> Cart:
    return cart.remove(before, t, key, None if quantity is None else int(quantity * ONE), kept_ms=0)


def idle_since(now_in: Cart) -> int:
    since: int = now_in[2]
    return since


def test_nothing_is_in_nobodys_cart() -> None:
    assert cart.quantity(None) == 0
    assert cart.value(None) == 0
    assert cart.products(None) == []


def test_products_stand_in_the_order_in_which_they_came_in() -> None:
    now_in = added(added(added(None, 5, "b"), 1, "a"), 9, "b")
    assert cart.products(now_in) == ["b", "a"]
    assert cart.quantity(now_in) == 3


def test_a_product_that_left_and_came_back_stands_last() -> None:
    now_in = added(removed(added(added(None, 1, "a"), 2, "b"), 3, "a"), 4, "a")
    assert cart.products(now_in) == ["b", "a"]


def test_the_price_that_arrived_last_counts_and_none_keeps_it() -> None:
    now_in = added(added(None, 5, "a", price=7), 3, "a", price=4.5)
    assert cart.value(added(now_in, 9, "a")) == 13.5


def test_a_product_without_a_price_costs_nothing_and_one_that_came_back_has_no_old_price() -> None:
    assert cart.value(added(None, 1, "a")) == 0
    assert cart.value(added(removed(added(None, 1, "a", price=7), 2, "a"), 3, "a")) == 0


def test_the_value_is_exact() -> None:
    now_in = None
    for number in range(10):
        now_in = added(now_in, number, f"p{number}", quantity=0.1, price=0.1)
    assert cart.value(now_in) == 0.1
    assert cart.quantity(now_in) == 1


def test_part_of_a_product_goes_and_all_of_it_where_none_would_be_left() -> None:
    now_in = removed(added(None, 1, "a", 3), 2, "a", 1)
    assert cart.quantity(now_in) == 2
    assert cart.products(removed(now_in, 3, "a", 2)) == []
    assert cart.products(removed(now_in, 3, "a", 5)) == []


def test_removing_what_is_not_there_changes_nothing_not_even_since_when_the_cart_is_idle() -> None:
    now_in = added(None, 1, "a")
    assert idle_since(removed(now_in, 9, "b")) == 1
    assert cart.quantity(removed(None, 9, "b")) == 0


def test_the_cart_is_idle_since_the_highest_time_of_its_changes() -> None:
    now_in = added(added(None, 9, "a"), 3, "b")
    assert idle_since(now_in) == 9
    assert idle_since(removed(now_in, 12, "a")) == 12
    assert idle_since(cart.empty(now_in, 20)) == 20


def test_an_empty_cart_can_be_emptied() -> None:
    assert idle_since(cart.empty(None, 5)) == 5
    assert idle_since(cart.empty(cart.empty(None, 5), 9)) == 9


def test_emptying_spares_what_a_later_event_touched() -> None:
    now_in = added(added(added(None, 1, "a"), 5, "b"), 9, "c")
    assert cart.products(cart.empty(now_in, 5)) == ["c"]


def test_a_removal_touches_a_product_too() -> None:
    now_in = removed(added(None, 1, "a", 3), 9, "a", 1)
    assert cart.products(cart.empty(now_in, 5)) == ["a"]


def test_an_event_older_than_the_latest_emptying_changes_nothing() -> None:
    emptied = cart.empty(added(None, 1, "a"), 5)
    assert cart.products(added(emptied, 4, "b")) == []
    assert cart.products(added(emptied, 5, "b")) == ["b"]
    later = cart.empty(added(None, 9, "c"), 5)
    assert cart.products(removed(later, 4, "c")) == ["c"]
    assert cart.products(cart.empty(later, 4)) == ["c"]


@pytest.mark.parametrize("touch_again", [False, True])
def test_of_more_than_a_hundred_the_one_untouched_longest_by_arrival_goes(touch_again: bool) -> None:
    now_in: Cart | None = None
    for number in range(cart.ITEMS_MAX):
        now_in = added(now_in, 1_000 - number, f"p{number}")
    if touch_again:
        now_in = added(now_in, 1, "p0")
    counted = Counted()
    after = cart.add(now_in, 2_000, "new", ONE, None, counted, kept_ms=0)
    gone = {"p1"} if touch_again else {"p0"}
    assert {f"p{number}" for number in range(cart.ITEMS_MAX)} - set(cart.products(after)) == gone
    assert counted == {CART_ITEM_DROPPED: 1}


def test_the_quantity_of_a_product_has_a_bound() -> None:
    now_in = added(added(None, 1, "a", 10**12), 2, "a", 10**12)
    assert cart.quantity(now_in) == 10**12
    assert cart.quantity(removed(now_in, 3, "a", 1)) == 10**12 - 1


def test_ids_that_are_numbers_are_numbers_again() -> None:
    assert cart.products(added(added(None, 1, "\x007"), 2, "7")) == [7, "7"]


# ---- two users who are one


def both(one: Cart | None, other: Cart | None) -> Cart:
    merged = cart.merge(one, other, Counted())
    assert merged is not None
    return merged


def test_of_two_carts_the_products_of_both_are_in_the_users_first() -> None:
    merged = both(added(added(None, 9, "u"), 10, "v"), added(added(None, 1, "a"), 2, "b"))
    assert cart.products(merged) == ["u", "v", "a", "b"]
    assert idle_since(merged) == 10


def test_of_a_product_in_both_the_larger_quantity_and_the_price_of_the_later_touch_count() -> None:
    merged = both(added(None, 9, "p", 3, 20), added(None, 5, "p", 2, 10))
    assert (cart.quantity(merged), cart.value(merged)) == (3, 60)
    merged = both(added(None, 5, "p", 1, 20), added(None, 9, "p", 2, 10))
    assert (cart.quantity(merged), cart.value(merged)) == (2, 20)
    merged = both(added(None, 5, "p", 1, 20), added(None, 5, "p", 1, 10))
    assert cart.value(merged) == 10


@pytest.mark.parametrize(("rule", "quantity"), [("max", 5), ("sum", 7), ("user", 2)])
def test_the_catalog_says_the_quantity_of_a_product_in_both(rule: MergeRule, quantity: int) -> None:
    merged = cart.merge(added(None, 9, "p", 2, 20), added(None, 5, "p", 5, 10), Counted(), rule=rule)
    assert (cart.quantity(merged), cart.value(merged)) == (quantity, quantity * 20)
    merged = cart.merge(None, added(None, 5, "p", 5, 10), Counted(), rule=rule)
    assert cart.quantity(merged) == 5
    full = 10**12
    merged = cart.merge(added(None, 9, "p", full), added(None, 5, "p", full), Counted(), rule=rule)
    assert cart.quantity(merged) == full


def test_an_order_of_either_takes_what_the_other_touched_before_it_or_at_its_instant() -> None:
    ordered = cart.empty(added(None, 1, "old"), 5)
    assert cart.products(both(ordered, added(added(None, 5, "a"), 6, "b"))) == ["b"]
    assert cart.products(both(added(added(None, 5, "a"), 6, "b"), ordered)) == ["b"]
    assert both(ordered, added(None, 6, "b"))[1] == 5


def test_an_item_of_either_that_its_own_order_left_stays() -> None:
    own = added(cart.empty(None, 5), 5, "own")
    assert cart.products(both(own, added(None, 6, "a"))) == ["own", "a"]


def test_of_two_carts_beyond_the_limit_those_untouched_longest_go_the_users_first() -> None:
    one, other, counted = None, None, Counted()
    for number in range(cart.ITEMS_MAX):
        one = added(one, number, f"u{number}")
    for key in ("u0", "a", "b"):
        other = added(other, 200, key)
    merged = cart.merge(one, other, counted)
    assert merged is not None
    assert len(merged[0]) == cart.ITEMS_MAX
    assert {"u0", "a", "b"} <= merged[0].keys()
    assert {"u1", "u2"} & merged[0].keys() == set()
    assert counted == {CART_ITEM_DROPPED: 2}
    assert cart.products(added(merged, 201, "c"))[0] == "u0"


def test_one_cart_and_none_are_that_cart() -> None:
    assert cart.products(both(added(None, 1, "a"), None)) == ["a"]
    assert cart.products(both(None, added(None, 1, "a"))) == ["a"]
    assert cart.merge(None, None, Counted()) is None


def test_a_removal_that_comes_before_its_addition_takes_it_away() -> None:
    assert cart.products(added(removed(None, 5, "a"), 3, "a")) == []
    assert cart.products(added(removed(None, 5, "a"), 5, "a")) == ["a"]
    waiting = removed(added(None, 1, "a", 1), 5, "a", 3)
    assert cart.quantity(added(added(waiting, 2, "a", 1), 3, "a", 2)) == 1
    assert idle_since(added(removed(None, 5, "a"), 3, "a")) == 5


def test_a_removal_leaves_what_came_in_after_it() -> None:
    now_in = removed(added(added(None, 1, "a", 2), 9, "a", 1, price=3), 5, "a")
    assert (cart.products(now_in), cart.quantity(now_in), cart.value(now_in)) == (["a"], 1, 3)
    assert cart.products(removed(added(None, 9, "a"), 5, "a")) == ["a"]


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_arrival_decides_no_quantity(seed: int) -> None:
    chance = Random(seed)
    moves: list[tuple[int, str, int | None, bool]] = []
    for t in range(chance.randrange(2, 40)):
        comes_in, key = chance.random() < 0.6, chance.choice("ab")
        moves.append((t, key, chance.randrange(1, 4) if comes_in or chance.random() < 0.7 else None, comes_in))

    def quantities(order: Sequence[tuple[int, str, int | None, bool]]) -> dict[str, int]:
        now_in: Cart | None = None
        for t, key, quantity, comes_in in order:
            now_in = added(now_in, t, key, quantity or 0) if comes_in else removed(now_in, t, key, quantity)
        return {key: item[0] for key, item in (now_in or [{}])[0].items()}

    for _ in range(20):
        assert quantities(chance.sample(moves, len(moves))) == quantities(moves)


def test_what_came_before_the_time_that_is_remembered_takes_nothing() -> None:
    waiting = removed(None, 5, "a")
    assert cart.products(cart.add(waiting, 3, "a", ONE, None, Counted(), kept_ms=6)) == ["a"]


def test_of_more_than_a_hundred_moves_the_earliest_is_forgotten() -> None:
    now_in: Cart | None = removed(None, 5, "a")
    for number in range(MOVES_MAX - 1):
        now_in = added(now_in, 10 + number, "b")
    assert cart.products(added(deepcopy(now_in), 3, "a")) == ["b"]
    assert cart.products(added(added(now_in, 900, "b"), 3, "a")) == ["b", "a"]


def test_a_cart_of_an_earlier_version_goes_on() -> None:
    former: Cart = [{"a": [2 * ONE, 0, 5, 1]}, -1, 5, 1]
    assert cart.quantity(removed(deepcopy(former), 7, "a", 1)) == 1
    assert cart.quantity(added(former, 7, "a")) == 3


def test_products_with_several_properties_show_the_first_of_them_once() -> None:
    keys = [joined_key(["a", "red"]), joined_key(["a", None]), joined_key(["\x007", "red"])]
    now_in: Cart | None = None
    for key in keys:
        now_in = added(now_in, 1, key)
    assert (cart.products(now_in), cart.quantity(now_in)) == (["a", 7], 3)
