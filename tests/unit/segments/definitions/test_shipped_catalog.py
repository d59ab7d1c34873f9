"""The definitions that come along: complete, told apart, and true."""

from pathlib import Path

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.language import canonical, parse_condition
from app.segments.review.scenario import run_test

FOLDER = Path(__file__).resolve().parents[4] / "deploy" / "segments"
FILES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
CATALOG = load_catalog(FILES)

# The conditions that articles about segmentation name, each by its shipped definition.
CONDITIONS = {
    "high-engagement": "session.duration > 5m",
    "interest-in-category": "count('Product Viewed' per category within 7d) > 3",
    "cart-abandoned": "cart.items > 0 and cart.idle >= 30m and cart.idle < 24h",
    "abandoned-trail-runner": (
        "exists(sequence('Product Viewed' where product_id = 'SHO-101' then 'Product Added'"
        " then no 'Order Completed' for 30m) within 24h)"
    ),
    "interested-not-bought": "count('Product Viewed' where category = 'shoes') > 3 and never('Order Completed')",
    "discount-offer": "count('Product Viewed' per product_id within 24h) > 3 and segment('high-value')",
    "high-value": "distinct(order_id of 'Order Completed' within 30d) >= 3",
    "engaged-high-value": ("count('Product Viewed' where price >= 100 within 1h) >= 3 and session.duration > 5m"),
    "abandoned-and-back": "segment('cart-abandoned') and user.idle < 10m",
    "frequent-abandoner": (
        "count(sequence('Product Added' then no 'Order Completed' for 24h) within 90d) >= 3"
        " and count(page within 90d) >= 50"
    ),
    "browsers": (
        "exists(page within 30d) and not exists('Product Added' within 30d)"
        " and not exists('Order Completed' within 30d)"
    ),
    "shoppers": "exists('Product Added' within 30d) and not exists('Order Completed' within 30d)",
    "buyers": "exists('Order Completed' within 30d)",
    "hot-leads": "score('purchase-intent') >= 50",
    "cta-clickers": "count('Element Clicked' where id = 'cta' within 7d) >= 2",
    "video-viewers": "exists('Video Playback Completed' within 7d)",
    "form-submitters": "exists('Form Submitted' within 30d)",
    "searchers": "exists('Products Searched' within 1d)",
    "deep-readers": "max(percent of 'Page Scrolled' within 1d) >= 75",
    "adults": "traits.age >= 18",
    "visitors-from-germany": "context.location.country = 'DE'",
    "mobile-visitors": "context.device.type = 'mobile'",
    "visitors-from-google": "session.source = 'google'",
    "churn-risk": "user.idle > 30d and distinct(order_id of 'Order Completed' within 180d) >= 2",
}
NAMES = [segment.name for segment in CATALOG.segments]


def test_a_file_is_named_like_what_it_defines() -> None:
    defined = [*NAMES, *(score.name for score in CATALOG.scores)]
    assert sorted(FILES) == sorted(f"{name}.yaml" for name in defined)


def test_every_condition_is_there_and_says_what_it_should() -> None:
    assert sorted(NAMES) == sorted(CONDITIONS)
    for segment in CATALOG.segments:
        assert segment.when is not None
        assert canonical.text(segment.when) == canonical.text(parse_condition(CONDITIONS[segment.name]))


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_says_for_people_what_it_is_and_whose(name: str) -> None:
    segment = CATALOG.segment(name)
    assert segment.title
    assert segment.description.endswith(".")
    assert segment.owner
    assert segment.tags
    assert segment.status == "live"


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_has_tests_that_see_both_sides_of_a_boundary(name: str) -> None:
    segment = CATALOG.segment(name)
    assert len(segment.tests) >= 2
    seen = {expectation.inside for test in segment.tests for expectation in test.expect}
    assert seen >= {True, False}
    instants = [
        (before.at_ms, after.at_ms)
        for test in segment.tests
        for before, after in zip(test.expect, test.expect[1:], strict=False)
        if before.inside is not after.inside
    ]
    assert any(after - before <= 1_000 for before, after in instants), "no change is pinned down to the second"


@pytest.mark.parametrize("name", NAMES)
def test_the_tests_of_a_segment_hold(name: str) -> None:
    segment = CATALOG.segment(name)
    failures = [failure for test in segment.tests for failure in run_test(CATALOG, segment, test)]
    assert not failures, "\n\n".join(map(str, failures))
