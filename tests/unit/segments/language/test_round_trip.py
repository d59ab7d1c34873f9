"""Every tree can be written, and reads back as itself; no text breaks the parser."""

from hypothesis import given
from hypothesis import strategies as st

from app.segments.language import canonical, parse_expression, parse_pattern
from app.segments.language import syntax as s
from app.segments.language.parser import read_expression
from tests.unit.segments.language.trees import expressions, patterns


@given(expressions())
def test_an_expression_reads_back_as_itself(node: s.Expression) -> None:
    assert parse_expression(canonical.text(node)) == node


@given(patterns())
def test_a_pattern_reads_back_as_itself(node: s.Pattern) -> None:
    assert parse_pattern(canonical.text(node)) == node


@given(expressions(), expressions())
def test_two_trees_have_one_text_only_if_they_are_equal(one: s.Expression, other: s.Expression) -> None:
    assert (canonical.text(one) == canonical.text(other)) == (one == other)


WORDS = (
    *(
        "count(",
        "exists(",
        "sum(",
        "sequence(",
        "any(",
        "key(",
        "segment(",
        "score(",
        "hour_of_day(",
        "(",
        ")",
        "[",
        "]",
    ),
    *("'A'", "'", '"a"', "page", "price", "cart.items", "cart.", "traits.x", "context", "properties['a']", ".", ","),
    *("where", "within", "per", "once", "since", "last", "of", "then", "no", "for", "matching", "24h", "30", "1.5h"),
    *("and", "or", "not", "in", "contains", "starts with", "matches", "=", "==", "!=", "<", ">=", "+", "-", "*", "/"),
    *("&&", "$x", "#", "days", "true", "yes", "null", "\n", "é", "–"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_words_in_any_order_are_understood_or_explained(text: str) -> None:
    assert_understood_or_explained(text)


@given(st.text(max_size=40))
def test_any_text_is_understood_or_explained(text: str) -> None:
    assert_understood_or_explained(text)


def assert_understood_or_explained(text: str) -> None:
    reading = read_expression(text)
    for error in reading.errors:
        assert error.message
        assert 0 <= error.span.start <= error.span.end <= len(text)
    if reading.node is None:
        assert reading.errors
    else:
        assert parse_expression(canonical.text(reading.node)) == reading.node
