"""Conditions in words."""

import re

import pytest

from app.segments.language.parser import parse_expression
from app.web.condition_words import Clause, clause_of, words_of
from app.web.texts import speaking

WORDS = (
    ("cart.idle >= 30m", "the time since the cart was last changed is at least 30 minutes"),
    ("item.quantity > 0", "the number of pieces of this product in the cart is more than 0"),
    ("item.price >= 20", "the price of this product in the cart is at least 20"),
    ("item.price is missing", "the price of this product in the cart is missing"),
    ("item.idle < 1d", "the time since this product in the cart was last changed is less than 1 day"),
    ("count('Viewed' within 7d) >= 2", "did 'Viewed' within the last 7 days at least 2 times"),
    ("count('Viewed') = 1", "did 'Viewed' exactly 1 time"),
    (
        "count('Viewed' per category within 7d) > 3",
        "did 'Viewed' with the same category within the last 7 days more than 3 times",
    ),
    ("not count('Viewed') = 1", "it is not so that the number of 'Viewed' is 1"),
    ("exists(page within 30d)", "did page within the last 30 days"),
    ("never('Bought')", "did not do 'Bought'"),
    ("not never('Bought')", "did 'Bought'"),
    ("not segment('vip')", "is not in the segment vip"),
    ("list('vip')", "is on the list vip"),
    ("entered('vip' within 1d)", "entered the segment vip within the last 1 day"),
    ("not left('vip' within 1d)", "did not leave the segment vip within the last 1 day"),
    ("count(segment('left')) >= 2", "the number of values by which they are in the segment left is at least 2"),
    ("traits.plan = 'pro'", "the trait plan is 'pro'"),
    ("not traits.plan = 'pro'", "the trait plan is not 'pro'"),
    ("traits.plan is missing", "the trait plan is missing"),
    ("bucket('a') < 50", "bucket('a') is less than 50"),
    ("count('A') >= top(12.5%)", "the number of 'A' is at least what the highest 12.5 % of all users reach"),
    ("count('A') >= top(100 users)", "the number of 'A' is at least what the highest 100 of all users reach"),
    ("model('likely') > 0.7", "the probability that the model likely gave is more than 0.7"),
    ("model('next').buyers < 0.4", "the probability of buyers that the model next gave is less than 0.4"),
    ("model('next').buyers is known", "the probability of buyers that the model next gave is known"),
)


@pytest.mark.parametrize(("expression", "words"), WORDS)
def test_a_part_of_a_condition_has_words(expression: str, words: str) -> None:
    assert clause_of(parse_expression(expression)) == Clause("one", words, written=expression)


@pytest.mark.parametrize("expression", [expression for expression, _ in WORDS])
def test_the_words_of_another_language_are_its_own(expression: str) -> None:
    with speaking("de"):
        told = clause_of(parse_expression(expression)).text
    assert not set(re.findall(r"\w+", told)) & {"the", "they", "did", "is", "not", "at", "than", "within"}, told


@pytest.mark.parametrize(
    ("expression", "way"),
    [
        ("cart.items > 0 and user.identified", "all"),
        ("cart.items > 0 or user.identified", "any"),
        ("not (cart.items > 0 or user.identified)", "none"),
    ],
)
def test_parts_stand_below_what_joins_them(expression: str, way: str) -> None:
    made = clause_of(parse_expression(expression))
    assert made.way == way
    assert [each.text for each in made.parts] == ["the number of products in the cart is more than 0", "has logged in"]


def test_not_all_of_several_is_not_called_none() -> None:
    made = clause_of(parse_expression("not (cart.items > 0 and user.identified)"))
    assert (made.way, made.text) == ("none", "not all of these")


def test_evidence_without_words_of_its_own_stays_as_it_is() -> None:
    assert words_of("not segment('vip')") == "is not in the segment vip"
    assert words_of("cart.items > 0 and user.identified") == "cart.items > 0 and user.identified"
    assert words_of("no expression (") == "no expression ("
