"""The key `each`: what a definition says, and what cannot be said of one value."""

import pytest

from app.segments.definitions.catalog import definition_version, load_catalog
from app.segments.definitions.each import Each
from app.segments.definitions.problem import CatalogError
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language import canonical
from app.segments.language.parser import parse_condition, parse_expression, parse_pattern
from app.segments.review.footprint import footprints

WHEN = "when: exists('A' within 1h)\n"


def each(text: str) -> Each | None:
    return load_catalog({"s.yaml": f"segment: s\n{WHEN}each: {text}\n"}).segment("s").each


def problems(text: str, *more: str, settings: str = "") -> list[str]:
    files = {f"{number}.yaml": more for number, more in enumerate([text, *more])} | {"catalog.yaml": settings}
    with pytest.raises(CatalogError) as caught:
        load_catalog(files)
    return [f"{problem.line}:{problem.text}: {problem.message} | {problem.hint}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("product_id", ("product_id",)),
        ("products.product_id", ("products", "product_id")),
        ("\"properties['odd name']\"", ("odd name",)),
    ],
)
def test_a_property_is_read_as_in_per(text: str, path: tuple[str, ...]) -> None:
    assert each(text) == Each(path)


def test_of_says_what_makes_a_value_known() -> None:
    of = parse_pattern("'Product Viewed' where price > 10")
    found = each("{value: category, of: \"'Product Viewed' where price > 10\"}")
    assert found == Each(("category",), of)
    assert found is not None
    assert found.text == "category of 'Product Viewed' where price > 10"
    assert each("{value: category, of: Product Viewed}") == Each(("category",), parse_pattern("'Product Viewed'"))


def test_another_property_is_another_meaning() -> None:
    texts = [f"segment: s\n{WHEN}", f"segment: s\n{WHEN}each: a\n", f"segment: s\n{WHEN}each: b\n"]
    assert len({definition_version(load_catalog({"s.yaml": text}).segment("s")) for text in texts}) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "each: 'a ='",
            "3:'a =': 'a =' is no property of an event | write the name of a property of",
        ),
        ('each: "a within 1h"', "3:\"a within 1h\": 'a within 1h' is no property of an event"),
        ("each: {of: A}", "3:{of: A}: each needs a value | write value: category"),
        ("each: {value: a, off: A}", "3:off: unknown key off | did you mean of?"),
        (
            "each: {value: a, of: \"sequence('A' then 'B')\"}",
            "of names single events | write of: 'Product Viewed'",
        ),
        ("each: a\nwarmup: wait", "4:warmup: warmup is not possible with each | leave warmup out"),
        (
            "each: a\nexperiment: {name: e, groups: {holdout: 10}}",
            "4:experiment: experiment is not possible with each | give it to another segment",
        ),
    ],
)
def test_what_is_wrong_with_each_is_told(text: str, told: str) -> None:
    assert any(told in found for found in problems(f"segment: s\n{WHEN}{text}\n")), problems(
        f"segment: s\n{WHEN}{text}\n"
    )


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (
            "cart.items > 0 and exists('A' within 1h)",
            "cart.items is not about one value of a | put it into a segment of",
        ),
        ("item.price > 3 and exists('A' within 1h)", "item.price is of one product_id in the cart, but each is a"),
        ("session.pages > 3 and exists('A' within 1h)", "session.pages is not about one value of a"),
        ("user.idle > 3m and exists('A' within 1h)", "user.idle is not about one value of a"),
        ("score('points') > 3 and exists('A' within 1h)", "the score points is not about one value of a"),
        (
            "count('A' per a within 1h) > 2",
            "per a has one value only: each is about one a | leave per",
        ),
        ("distinct(a of 'A' within 1h) > 2", "distinct a has one value only: each is about one a"),
        ("traits.plan = 'x'", "no event of the conditions has a value"),
    ],
)
def test_what_cannot_be_said_of_one_value_is_told(condition: str, told: str) -> None:
    score = "score: points\npoints: [{on: 'B', add: 1}]\n"
    found = problems(f'segment: s\nwhen: "{condition}"\neach: a\n', score)
    assert any(told in each for each in found), found


@pytest.mark.parametrize(
    "mark", ["entered('s' within 1h)", "left('s' within 1h)", "times('s') > 1", "since_left('s') > 1h"]
)
def test_marks_of_a_segment_by_value_have_no_one_answer(mark: str) -> None:
    found = problems(f"segment: s\n{WHEN}each: a\n", f'segment: t\nwhen: "exists(page) and {mark}"\n')
    assert any("s is by value" in each and "write segment('s'): in by any value" in each for each in found), found


def test_a_test_may_ask_for_a_value_only_where_there_are_some() -> None:
    tests = "tests: [{name: n, events: [{at: 0m, event: A}], expect: [{at: 0m, value: x, in: true}]}]\n"
    (told,) = problems(f"segment: s\n{WHEN}{tests}")
    assert "a test expects something of one value, but the segment is not by value" in told


def test_the_footprint_counts_every_value() -> None:
    texts = {"s.yaml": f"segment: s\n{WHEN}", "t.yaml": f"segment: t\n{WHEN}each: a\n"}
    found = footprints(load_catalog(texts), TimeRules())
    assert found["t"].size.most > 50 * found["s"].size.most
    assert "100 values" in found["t"].limits


@pytest.mark.parametrize("text", ["product_id", "products.product_id", "{value: product_id, of: Product Added}"])
def test_one_product_in_the_cart_is_asked_for_by_the_product(text: str) -> None:
    found = load_catalog({"s.yaml": f"segment: s\nwhen: item.quantity > 0\neach: {text}\n"}).segment("s").when
    assert found == parse_condition("item.quantity > 0")


@pytest.mark.parametrize(
    ("key", "text"),
    [("sku", "sku"), ("sku, size", "sku"), ("sku, size", "lines.sku"), ("odd name", "properties['odd name']")],
)
def test_the_product_is_the_first_property_of_the_key_of_the_cart(key: str, text: str) -> None:
    settings = {"catalog.yaml": f"cart: {{key: [{key}], products: lines}}\n"}
    files = {**settings, "s.yaml": f'segment: s\nwhen: item.quantity > 0\neach: "{text}"\n'}
    assert load_catalog(files).segment("s").each is not None
    (told,) = problems("segment: s\nwhen: item.quantity > 0\neach: product_id\n", settings=settings["catalog.yaml"])
    first = key.partition(",")[0]
    assert f"is of one {canonical.path_text((first,))} in the cart, but each is product_id" in told


def test_the_line_of_a_product_adds_nothing_to_what_is_kept_of_the_cart() -> None:
    texts = {
        "s.yaml": "segment: s\nwhen: cart.quantity > 0\n",
        "t.yaml": "segment: t\nwhen: item.quantity > 0\neach: product_id\n",
    }
    found = footprints(load_catalog(texts), TimeRules())
    assert found["s"].kept[0] == found["t"].kept[0]
    assert found["t"].kept[1].words == "by product_id, for each value: whether in, since when, how many times"


def test_behind_where_and_of_an_item_is_a_property_of_the_event() -> None:
    assert parse_condition("exists('A' where item.price > 3)") == parse_condition(
        "exists('A' where properties['item'].price > 3)"
    )
    assert parse_expression("sum(item.price of 'A')") == parse_expression("sum(properties['item'].price of 'A')")
