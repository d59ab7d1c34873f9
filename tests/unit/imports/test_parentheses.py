"""The text of a translated condition means the same as its tree."""

import random

from app.imports.conditions import Condition, Either, Every, Leaf, Opposite, text
from app.imports.value_tests import ValueTest
from app.segments.language import parse_expression
from app.segments.language import syntax as s

LEAVES = (
    "cart.items > 0",
    "(traits.a = 1 or traits.b = 2) and traits.c = ' or '",
    "(traits.a = 1) or (traits.b = 2)",
    "count('A') - count('B') > 2",
    "traits.a = 1 and traits.b = 2",
)
SEED = 20_261_128


def grown(dice: random.Random, depth: int) -> Condition:
    kind = dice.randrange(4) if depth else 0
    if kind == 0:
        return Leaf(dice.choice(LEAVES))
    if kind == 3:
        return Opposite(grown(dice, depth - 1))
    parts = tuple(grown(dice, depth - 1) for _ in range(2))
    return Every(parts) if kind == 1 else Either(parts)


def value(node: s.Expression, dice: dict[str, bool]) -> bool:
    match node:
        case s.And():
            return all(value(part, dice) for part in node.operands)
        case s.Or():
            return any(value(part, dice) for part in node.operands)
        case s.Not():
            return not value(node.operand, dice)
        case _:
            return dice.setdefault(repr(node), len(repr(node)) % 2 == 0)


def wanted(condition: Condition, dice: dict[str, bool]) -> bool:
    match condition:
        case Leaf():
            return value(parse_expression(condition.text), dice)
        case Every():
            return all(wanted(part, dice) for part in condition.parts)
        case Either():
            return any(wanted(part, dice) for part in condition.parts)
        case Opposite():
            return not wanted(condition.part, dice)
        case _:
            raise AssertionError(condition)


def test_the_text_of_any_tree_has_the_value_of_the_tree() -> None:
    dice = random.Random(SEED)
    for _ in range(120):
        tree = grown(dice, 3)
        values = {repr(part): dice.random() < 0.5 for part in atoms(parse_expression(text(tree)))}
        assert value(parse_expression(text(tree)), values) == wanted(tree, values), (SEED, text(tree))


def atoms(node: s.Expression) -> list[s.Expression]:
    match node:
        case s.And() | s.Or():
            return [atom for part in node.operands for atom in atoms(part)]
        case s.Not():
            return atoms(node.operand)
        case _:
            return [node]


def test_the_opposite_of_a_comparison_has_parentheses_only_if_it_needs_them() -> None:
    assert ValueTest("a = 1 or b = 2").opposite().text == "not (a = 1 or b = 2)"
    assert ValueTest("a in ['x or y']").opposite().text == "not a in ['x or y']"
    assert ValueTest("(a = 1 or b = 2) or (c)").opposite().text == "not ((a = 1 or b = 2) or (c))"
