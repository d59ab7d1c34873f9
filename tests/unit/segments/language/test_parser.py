"""Each spelling has its meaning, and is written back."""

import pytest

from app.segments.language import LanguageError, canonical, parse_condition, parse_expression, parse_pattern
from app.segments.language import syntax as s
from app.segments.language.parser import DEPTH_MAX, EXPRESSION_LENGTH_MAX

VIEWED = s.Pattern((s.EventName("track", "Product Viewed"),), None, None)


def counted(**given: object) -> s.Aggregate:
    parts: dict[str, object] = {"of": None, "pattern": VIEWED, "per": None, "within_ms": None, "since_last": None}
    return s.Aggregate(function="count", **{**parts, **given})  # type: ignore[arg-type]  # parts by name


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("1", s.Number(1)),
        ("-1.50", s.Number(-1.5)),
        ("2.0", s.Number(2)),
        ("'it''s'", s.Text("it's")),
        (r"'\d'", s.Text(r"\d")),
        ("1h30m", s.Duration(5_400_000)),
        ("true", s.Boolean(value=True)),
        ("cart.items", s.CartField("items")),
        ("item.quantity", s.CartLineField("quantity")),
        ("item.price", s.CartLineField("price")),
        ("item.idle", s.CartLineField("idle")),
        ("session.landing_page", s.SessionField("landing_page")),
        ("user.age", s.UserField("age")),
        ("traits.address.city", s.Trait(("address", "city"))),
        ("traits['odd name'].x", s.Trait(("odd name", "x"))),
        ("context.device.type", s.ContextValue(("device", "type"))),
        ("segment('other')", s.Membership("other")),
        ("score('intent')", s.ScoreValue("intent")),
        ("hour_of_day('Europe/Berlin')", s.Clock("hour_of_day", s.Text("Europe/Berlin"))),
        ("day_of_week('UTC')", s.Clock("day_of_week", s.Text("UTC"))),
        ("count('Product Viewed')", counted()),
        ("count('Product Viewed' within 24h)", counted(within_ms=86_400_000)),
        ("count('Product Viewed' per a.b within 1s)", counted(per=("a", "b"), within_ms=1_000)),
        ("count('Product Viewed' since last page)", counted(since_last=parse_pattern("page"))),
        ("key(count('Product Viewed' per category))", s.Key(counted(per=("category",)))),
        (
            "sum(revenue of 'Product Viewed' within 1d)",
            s.Aggregate("sum", ("revenue",), VIEWED, None, 86_400_000, None),
        ),
    ],
)
def test_an_expression_is_read(text: str, node: s.Expression) -> None:
    assert parse_expression(text) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("page", s.Pattern((s.EventName("page", None),), None, None)),
        ("'page'", s.Pattern((s.EventName("track", "page"),), None, None)),
        (
            "any(screen, 'B', 'A', 'B')",
            s.Pattern((s.EventName("screen", None), s.EventName("track", "A"), s.EventName("track", "B")), None, None),
        ),
        ("'Product Viewed' once per order_id", s.Pattern(VIEWED.source, None, ("order_id",))),
        (
            "'Product Viewed' where properties['odd name'].x = context.page.path",
            s.Pattern(
                VIEWED.source,
                s.Comparison("=", s.Property(("odd name", "x")), s.EventContext(("page", "path"))),
                None,
            ),
        ),
        (
            "sequence('Product Viewed' then 'Product Viewed' then no page for 30m within 2h matching p)",
            s.Pattern(s.Sequence((VIEWED, VIEWED), parse_pattern("page"), 1_800_000, 7_200_000, ("p",)), None, None),
        ),
    ],
)
def test_a_pattern_is_read(text: str, node: s.Pattern) -> None:
    assert parse_pattern(text) == node


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("1+2*3-4", "1 + 2 * 3 - 4"),
        ("(1+2)*3", "(1 + 2) * 3"),
        ("1-(2-3)", "1 - (2 - 3)"),
        ("(1-2)-3", "1 - 2 - 3"),
        ("1 - -5", "1 - -5"),
        ("1-5", "1 - 5"),
        ("not (cart.items > 1) and true or false", "not cart.items > 1 and true or false"),
        ("not (true and false)", "not (true and false)"),
        ("true and (true and false)", "true and true and false"),
        ("(true or false) and true", "(true or false) and true"),
        ("(cart.items > 1) = true", "(cart.items > 1) = true"),
        ("traits.a   starts\n  with 'x'", "traits.a starts with 'x'"),
        ("user.idle > 24h", "user.idle > 1d"),
        ("user.idle > 90s", "user.idle > 1m30s"),
        ("exists(any('B', 'A'))", "exists(any('A', 'B'))"),
        ("exists(any('A'))", "exists('A')"),
        ("count(page within 1d per path) > 1", "count(page per path within 1d) > 1"),
        ("exists(page where ((a = 1)))", "exists(page where a = 1)"),
        ("0.0000001 > 0", "0.0000001 > 0"),
    ],
)
def test_each_meaning_has_one_spelling(text: str, spelling: str) -> None:
    assert canonical.text(parse_condition(text)) == spelling
    assert parse_condition(spelling) == parse_condition(text)


@pytest.mark.parametrize(
    "name",
    ["count", "page", "within", "where", "per", "of", "and", "in", "any", "segment", "cart", "traits", "once", "since"],
)
def test_words_of_the_language_can_name_properties(name: str) -> None:
    for text in (f"exists(page where {name} = 1)", f"sum({name} of page) > 1", f"count(page per {name}) > 1"):
        node = parse_condition(text)
        assert parse_condition(canonical.text(node)) == node
        assert name in canonical.text(node)


@pytest.mark.parametrize(
    "name", ["not", "true", "false", "context", "properties", "odd name", "$a", "a-b", "1", "", "'"]
)
def test_any_name_can_be_written_in_brackets(name: str) -> None:
    node = s.Pattern((s.EventName("page", None),), s.Comparison("=", s.Property((name, name)), s.Number(1)), (name,))
    assert parse_pattern(canonical.text(node)) == node


def test_a_node_knows_where_it_stands() -> None:
    text = "true and  (cart.items + 1) > 3"
    node = parse_condition(text)
    assert isinstance(node, s.And)
    comparison = node.operands[1]
    assert text[comparison.span.start : comparison.span.end] == "(cart.items + 1) > 3"


def test_errors_have_a_place() -> None:
    with pytest.raises(LanguageError) as caught:
        parse_condition("cart.items > 0 and cart.itms > 3")
    assert caught.value.span == s.Span(19, 28)
    assert caught.value.hint == "did you mean cart.items?"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "1" + ")" * 4_999,
        "(" * 4_000 + "1" + ")" * 4_000,
        "not " * 2_000 + "true",
        "1" + " + 1" * 2_000,
        "exists(" + "sequence(" * 1_000 + "'A'" + ")" * 1_001,
        "1" * EXPRESSION_LENGTH_MAX,
        "'" + "a" * EXPRESSION_LENGTH_MAX + "'",
        "-" * 9_000,
        "exists(page where " * 500,
    ],
)
def test_strange_texts_are_errors_and_nothing_worse(text: str) -> None:
    with pytest.raises(LanguageError):
        parse_condition(text)


def test_nesting_has_a_limit_that_is_wide_enough() -> None:
    inside = DEPTH_MAX - 1
    assert parse_condition("(" * inside + "true" + ")" * inside) == s.Boolean(value=True)
    with pytest.raises(LanguageError, match="nested too deeply"):
        parse_condition("(" * (inside + 1) + "true" + ")" * (inside + 1))


def test_long_conditions_are_no_deep_ones() -> None:
    node = parse_condition(" or ".join(f"cart.items = {number}" for number in range(400)))
    assert isinstance(node, s.Or)
    assert len(node.operands) == 400
