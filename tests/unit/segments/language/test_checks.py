"""Meaningful definitions pass: the checks find mistakes only. The mistakes: `wrong_definitions.md`."""

import pytest

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.language import parse_expression
from app.segments.language.regular_expressions import RegularExpressionError, compile_search
from app.segments.language.types import Type, type_of


def problems(condition: str, **others: str) -> list[str]:
    """The first lines of what is said about a condition."""
    files = {
        "s.yaml": "segment: s\nwhen: >-\n  " + condition,
        **{f"{name}.yaml": text for name, text in others.items()},
    }
    try:
        load_catalog(files)
    except CatalogError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "condition",
    [
        "true",
        "user.identified",
        "user.identified = false",
        "cart.products = 'A1' and cart.products != 7 and cart.products contains 'A1'",
        "cart.products in ['A1', 7]",
        "traits.tags contains 'vip' or traits.tags = 'vip' or traits.tags in ['vip', 1, true]",
        "traits.age >= 18 and traits.name < 'M' and traits.vip = true",
        "traits.plan = context.plan or traits.plan < context.plan",
        "traits.price * 2 > 3 and traits.price / traits.quantity > 2",
        "first(category of 'Product Viewed') = last(category of 'Product Viewed')",
        "key(count('Product Viewed' per category)) = 'shoes'",
        "session.duration / 1m > 3 and session.duration * 2 > user.last_seen - user.first_seen",
        "user.first_seen = user.last_seen and user.first_seen + 1d < user.last_seen",
        "cart.idle * 2 >= 30m and cart.idle - session.duration > 5m and cart.idle / 1m > 2",
        "since('A') / 2 < 1d and 1d > since('A')",
        "since('A' within 30d) >= 7d and since('A' within 30d) < 90d",
        "count('A' within 7d) >= 1000 and count('A' within 7d) < 1000 and count('A' within 7d) <= 999",
        "count('A') > 5000 and count('A' per x) > 5000",
        "count('A' within 7d) > count('B' within 7d) and count('A' within 7d) * 2 > 3000",
        "distinct(x of 'A') >= 100 and cart.items >= 100 and cart.quantity > 1000",
        "sum(x of 'A' within 7d) > 100000 and max(x of 'A') / 0 > 1",
        "exists('A' where true) and exists('A' where not (a = 1 or b.c matches '^x'))",
        "exists('A' where a * 2 + 1 > b - 3)",
        "exists(page) and hour_of_day('Europe/Berlin') in [9, 10] and hour_of_day('UTC') < 23",
        "exists(page) and hour_of_day('UTC') + 2 >= 9",
        "exists(page) and day_of_week('UTC') != 'monday'",
        "until(traits.ends) <= 3d and until(traits.ends) - 1h > 0s and since(context.a.b) * 2 > 1d",
        "until_anniversary(traits.born) <= 0s and until(last(x of 'A' within 3d)) > 1h",
        "since(key(count('A' per x))) > 1h and until(first(x of 'A')) = 0s",
        "sum(x of 'A' from '2026-11-27' to '2026-11-27T12:00:00+01:00') > 5000",
        "count('A' per x from '2026-11-27') > 3",
        "exists(page) and hour_of_day() in [9, 10] and hour_of_day(context.timezone) < 23 and month() = 12",
        "exists(page) and date() in ['2026-12-24'] and date(traits.zone) >= '2026-11-27' and week_of_year() <= 53",
        "exists('A' where hour_of_day(context.timezone) < 6 and timestamp >= '2026-11-27' and date(zone) = day)",
        "exists('A' where timestamp - 1d < '2026-11-27T10:00+01:00')",
        "until(traits.ends) is known and since(traits.ends) is missing",
        "user.first_seen < '2026-01-01' and user.last_seen + 1d >= '2026-01-01T00:00Z'",
        "exists('A') = exists('B')",
        "session.source starts with 'goo' and session.source matches '(?i)google|bing'",
        "count(sequence('A' then no 'B' for 30m) where x = 1 once per y since last sequence('C' then 'D')) > 1",
    ],
)
def test_what_makes_sense_is_let_through(condition: str) -> None:
    assert problems(condition) == []


@pytest.mark.parametrize(
    ("condition", "by_the_clock"),
    [
        ("hour_of_day('UTC') >= 9", True),
        ("not (hour_of_day('UTC') >= 9)", True),
        ("exists('A') or hour_of_day('UTC') >= 9", True),
        ("exists('A') and hour_of_day('UTC') >= 9", False),
        ("never('A') and hour_of_day('UTC') >= 9", True),
        ("never('A') or hour_of_day('UTC') >= 9", False),
        ("never('A')", False),
        ("cart.items = 0", False),
        ("cart.items = 0 and hour_of_day('UTC') >= 9", True),
        ("cart.items > 0 and hour_of_day('UTC') >= 9", False),
        ("cart.items + hour_of_day('UTC') >= 9", True),
        ("cart.idle > 5m and hour_of_day('UTC') >= 9", False),
        ("not (cart.idle > 5m) and hour_of_day('UTC') >= 9", True),
        ("avg(x of 'A') + hour_of_day('UTC') >= 9", False),
        ("traits.plan != 'free' and day_of_week('UTC') = 'monday'", False),
        ("not (traits.plan = 'free') and day_of_week('UTC') = 'monday'", True),
        ("user.identified and day_of_week('UTC') = 'monday'", False),
        ("user.idle < 30d and day_of_week('UTC') = 'monday'", False),
        ("segment('other') and day_of_week('UTC') = 'monday'", False),
        ("not segment('other') and day_of_week('UTC') = 'monday'", True),
        ("segment('nobody') and day_of_week('UTC') = 'monday'", True),
        ("score('points') > 0 and day_of_week('UTC') = 'monday'", False),
        ("score('points') <= 0 and day_of_week('UTC') = 'monday'", True),
        ("score('quiet') >= 10 and day_of_week('UTC') = 'monday'", True),
    ],
)
def test_the_clock_alone_may_not_decide(condition: str, *, by_the_clock: bool) -> None:
    others = {
        "other": "segment: other\nwhen: exists(page)",
        "nobody": "segment: nobody\nenter: never(page)\nexit: exists(page)",
        "points": "score: points\npoints:\n  - {on: page, add: 1}",
        "quiet": "score: quiet\npoints:\n  - {when: never(page), add: 10}",
    }
    assert bool(problems(condition, **others)) == by_the_clock


def test_who_is_in_may_leave_by_the_clock() -> None:
    load_catalog({"s.yaml": "segment: s\nenter: exists(page)\nexit: hour_of_day('UTC') >= 18"})


def test_who_is_out_may_not_enter_by_the_clock_of_the_exit() -> None:
    with pytest.raises(CatalogError, match="the clock alone"):
        load_catalog({"s.yaml": "segment: s\nenter: never(page)\nexit: hour_of_day('UTC') >= 18"})


def test_a_decaying_score_moves_and_another_does_not() -> None:
    steady = "score: p\nwithin: 7d\npoints:\n  - {on: page, add: 1}"
    decaying = "score: p\nhalf_life: 7d\npoints:\n  - {on: page, add: 1}"
    condition = "score('p') + hour_of_day('UTC') > 30"
    assert problems(f"exists(page) and {condition}", p=steady) == []
    assert problems(f"exists(page) and {condition}", p=decaying) == [
        "score('p') and hour_of_day('UTC') both change with time"
    ]


def test_everything_wrong_is_said_at_once() -> None:
    said = problems("cart.items > 3d or traits.vip or segment('x') or cart.idle > user.idle or cart.items > 100")
    assert len(said) >= 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("count(page)", Type.NUMBER),
        ("last(x of page)", Type.DYNAMIC),
        ("since(page) * 2", Type.DURATION),
        ("2 * since(page)", Type.DURATION),
        ("since(page) / 1h", Type.NUMBER),
        ("user.last_seen - user.first_seen", Type.DURATION),
        ("user.last_seen + 1d", Type.INSTANT),
        ("traits.x + 1", Type.NUMBER),
        ("cart.products", Type.LIST),
        ("day_of_week('UTC')", Type.TEXT),
        ("segment('x')", Type.BOOLEAN),
    ],
)
def test_types(text: str, found: Type) -> None:
    assert type_of(parse_expression(text)) is found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^/p/[0-9]+$", "/p/123", True),
        ("^/p/[0-9]+$", "/p/123\n", False),
        ("sale", "/SALE/x", False),
        ("(?i)sale", "/SALE/x", True),
        ("a.c", "abc", True),
        ("a.c", "a\nc", False),
        ("^é$", "é", True),
        (r"^\d$", "٣", False),
        ("", "", True),
    ],
)
def test_a_regular_expression_searches(pattern: str, text: str, *, found: bool) -> None:
    assert compile_search(pattern)(text) is found


def test_a_regular_expression_takes_linear_time() -> None:
    assert not compile_search("^(a+)+$")("a" * 50_000 + "b")


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "a{2000}", "((a{100}){100}){100}", "a" * 1_001, "\ud800"])
def test_a_regular_expression_that_cannot_be_searched_for_is_an_error(pattern: str) -> None:
    with pytest.raises(RegularExpressionError):
        compile_search(pattern)


def test_a_text_that_is_no_unicode_is_searched_all_the_same() -> None:
    assert compile_search("b")("\ud800b")
