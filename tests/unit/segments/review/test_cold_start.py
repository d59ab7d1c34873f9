"""Conditions that can be true only because earlier events are unknown are reported."""

import json

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.durations import format_duration
from app.segments.review.cold_start import doubts
from app.segments.review.footprint import footprints

SCORES = {
    "gaining.yaml": "score: gaining\nwithin: 3d\npoints: [{on: page, add: 5}]\n",
    "losing.yaml": "score: losing\nwithin: 3d\npoints: [{on: page, add: -5}]\n",
    "fading.yaml": "score: fading\nhalf_life: 3d\npoints: [{on: page, add: 5}]\n",
    "left.yaml": "segment: left\neach: sku\nwhen: exists('Bought' within 20d)\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Bought' within 30d)\n",
}


def doubted(condition: str) -> dict[str, str]:
    """Text of each doubtful part -> for how long."""
    catalog = load_catalog({**SCORES, "tried.yaml": f"segment: tried\n{condition}\n"})
    found = doubts(catalog, catalog.segment("tried"), footprints(catalog, TimeRules()))
    return {doubt.text: "good" if doubt.for_ms is None else format_duration(doubt.for_ms) for doubt in found}


@pytest.mark.parametrize(
    "when",
    [
        "exists(page within 7d)",
        "count(page within 7d) > 3 and not count(page within 7d) <= 2",
        "3 < count(page within 7d)",
        "not never(page)",
        "exists(sequence('A' then no 'B' then 'C'))",
        "days(page within 7d) >= 3 or months(page) > 2 or streak(page) >= 7",
        "distinct(a of page within 7d) >= 2 or sum(a of page within 7d) > 5 or max(a of page within 7d) > 5",
        "min(price of page within 7d) < 5",
        "since(page) > 30d",
        "last(a of page within 7d) = 'x'",
        "user.age > 30d",
        "session.number > 3",
        "cart.items > 0 and cart.idle >= 30m",
        "traits.plan = 'pro' and context.country != 'DE'",
        "score('gaining') > 3 and score('fading') > 2 and score('losing') < 0",
        "segment('buyers')",
        "count(segment('left')) >= 2",
        "exists(page) and hour_of_day('UTC') < 9",
    ],
)
def test_what_more_history_can_only_make_truer_is_not_doubted(when: str) -> None:
    assert doubted(f"when: {json.dumps(when)}") == {}


def test_the_cart_is_not_doubted_nor_is_one_product_in_it() -> None:
    assert doubted("each: product_id\nwhen: item.quantity < 5 or item.idle is missing or item.price is missing") == {}
    assert doubted("when: cart.quantity < 5 or cart.idle is missing") == {}


@pytest.mark.parametrize(
    ("when", "part", "span"),
    [
        ("exists(page) and not exists(page within 7d)", "not exists(page within 7d)", "7d"),
        ("count(segment('left')) < 2", "count(segment('left')) < 2", "20d"),
        ("never('Bought')", "never('Bought')", "good"),
        ("days(page within 7d) < 3", "days(page within 7d) < 3", "7d"),
        ("streak(page) < 3", "streak(page) < 3", "5d"),
        ("not streak(page) >= 2.5", "not streak(page) >= 2.5", "5d"),
        ("streak(page since last 'Bought') < 3", "streak(page since last 'Bought') < 3", "good"),
        ("never('Bought' within 30d)", "never('Bought' within 30d)", "30d"),
        ("count(page within 7d) < 3", "count(page within 7d) < 3", "7d"),
        ("not 3 <= count(page within 7d)", "not 3 <= count(page within 7d)", "7d"),
        ("count(page within 7d) = 1", "count(page within 7d) = 1", "7d"),
        ("count(page within 7d) in [1, 2]", "count(page within 7d) in [1, 2]", "7d"),
        ("min(price of page within 7d) > 5", "min(price of page within 7d) > 5", "7d"),
        ("avg(price of page within 7d) > 5", "avg(price of page within 7d) > 5", "7d"),
        ("first(a of page) = 'x'", "first(a of page) = 'x'", "good"),
        ("not since(page) < 30d", "not since(page) < 30d", "good"),
        ("not last(a of page within 7d) = 'x'", "not last(a of page within 7d) = 'x'", "7d"),
        ("user.age < 7d", "user.age < 7d", "7d"),
        ("session.number = 1", "session.number = 1", "good"),
        ("not traits.plan = 'pro'", "not traits.plan = 'pro'", "good"),
        ("not lower(traits.plan) = 'pro'", "not lower(traits.plan) = 'pro'", "good"),
        ("lower(first(context.source)) = 'a'", "lower(first(context.source)) = 'a'", "good"),
        ("version(first(v of page within 7d)) >= '2'", "version(first(v of page within 7d)) >= '2'", "7d"),
        ("not version(context.v) < '2.10'", "not version(context.v) < '2.10'", "good"),
        ("not near(context.place, 52, 13, 2km)", "not near(context.place, 52, 13, 2km)", "good"),
        ("exists(page) and score('gaining') < 3", "score('gaining') < 3", "3d"),
        ("exists(page) and score('fading') < 3", "score('fading') < 3", "good"),
        ("score('losing') > -10", "score('losing') > -10", "3d"),
        ("exists(page) and not segment('buyers')", "not segment('buyers')", "30d"),
        (
            "count(page within 7d) / count(screen within 30d) > 2",
            "count(page within 7d) / count(screen within 30d) > 2",
            "30d",
        ),
        ("count(page within 7d) > count(screen)", "count(page within 7d) > count(screen)", "good"),
    ],
)
def test_what_more_history_can_make_false_is_doubted(when: str, part: str, span: str) -> None:
    assert doubted(f"when: {json.dumps(when)}") == {part: span}


def test_entering_is_doubted_where_the_exit_may_be_missed() -> None:
    assert doubted("enter: exists(page within 1d)\nexit: exists('Bought' within 30d)") == {
        "not exists('Bought' within 30d)": "30d"
    }
    assert doubted("enter: exists(page within 1d)\nexit: not exists(page within 1d)") == {}


def test_a_retired_segment_lets_nobody_in() -> None:
    assert doubted("when: never('Bought')\nstatus: retired") == {}
