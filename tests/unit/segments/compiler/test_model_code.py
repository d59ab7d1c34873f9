"""The code of a model says what its trees and weights say, to the last bit, here and on every other machine."""

import math
import random
from typing import Any

import pytest

from app.segments.compiler.model_code import class_scorer, contributing, packing, scorer
from app.segments.definitions.model_file import Model, Summed
from app.segments.definitions.model_forecast import (
    contributions,
    exponential,
    forecast,
    forecasts,
    logarithm,
    logistic,
    number,
    numbers_of,
    probabilities,
    probability,
    softmax,
    total,
)
from tests.support.models import random_classes, random_model

KINDS = ("boosted", "forest", "linear")
VALUES = (None, 0, 1, 2, 7, 3.5, 0.1, -1, True, False, "a", "b", "other", 1e12, 10**300, -1e300, math.inf, 2000)
GOLDEN = {
    "boosted": ("0x1.36842b20cf338p-2", 0.575234),
    "forest": ("0x1.08a01da477888p-1", 0.516847),
    "linear": ("0x1.a02047fd8f620p+2", 0.998502),
}


def rows(model: Model, seed: int, count: int = 300) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [{column.name: chance.choice(VALUES) for column in model.columns} for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_generated_code_and_the_walk_through_the_model_agree_bit_for_bit(kind: str, seed: int) -> None:
    model = random_model(seed, kind)
    score, form = scorer(model), packing(model)
    for row in rows(model, seed):
        found, packed = score(row)
        assert found.hex() == total(model, numbers_of(row, model.columns)).hex()
        assert found.hex() == total(model, form.unpack(packed)).hex()


def test_numbers_of_trees_are_floats_of_32_bits() -> None:
    model = random_model(1)
    row = dict.fromkeys((column.name for column in model.columns), 0.1)
    _, packed = scorer(model)(row)
    assert packing(model).unpack(packed)[0] == 0.10000000149011612


@pytest.mark.parametrize("value", [None, "text", [1], math.inf, -math.inf, math.nan])
def test_what_is_no_number_is_missing(value: Any) -> None:
    assert number(value) == -1


def test_numbers_beyond_a_float_of_32_bits_are_the_largest() -> None:
    assert (number(10**300), number(-1e300)) == (3e38, -3e38)


def test_the_logarithm_is_near_that_of_the_platform() -> None:
    chance = random.Random(5)
    for each in (*range(2000), *(10 ** chance.uniform(-9, 14) for _ in range(2000))):
        assert abs(logarithm(each) - math.log1p(each)) < 1e-14 * max(1, math.log1p(each))
    assert logarithm(-1) == logarithm(0) == 0


def test_the_exponential_is_near_that_of_the_platform() -> None:
    chance = random.Random(6)
    for each in (chance.uniform(-16, 16) for _ in range(4000)):
        assert abs(exponential(each) / math.exp(each) - 1) < 1e-14


def test_a_probability_is_the_logistic_function_to_six_places() -> None:
    for margin in range(-20_000_000, 20_000_001, 12_345):
        exact = 1 / (1 + math.exp(-margin / 1e6))
        assert abs(logistic(margin / 1e6) - exact) < 5.1e-7
    assert (logistic(0.8472979), logistic(-0.0), logistic(1e300), logistic(math.nan)) == (0.7, 0.5, 1.0, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum_of_a_row_is_the_same_on_every_machine(kind: str) -> None:
    model = random_model(42, kind)
    row = {column.name: place * 1.7 for place, column in enumerate(model.columns)} | {"t": "b"}
    found = scorer(model)(row)[0]
    assert (found.hex(), probability(model, found)) == GOLDEN[kind]
    assert forecast(model, numbers_of(row, model.columns)) == GOLDEN[kind][1]


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_make_the_sum_together(kind: str) -> None:
    model = random_model(3, kind)
    for row in rows(model, 8, 50):
        numbers = numbers_of(row, model.columns)
        known = model.linear.intercept if model.linear is not None else model.base
        known += sum(tree.value[0] for tree in model.trees)
        parts = contributions(model, model.columns, numbers)
        assert list(parts) == [column.name for column in model.columns]
        assert math.isclose(known + sum(parts.values()), total(model, numbers), rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("kind", ["boosted", "forest"])
@pytest.mark.parametrize("seed", range(3))
def test_generated_code_of_contributions_and_the_walk_agree_bit_for_bit(kind: str, seed: int) -> None:
    single, several = random_model(seed, kind), random_classes(seed, kind)
    summed: list[tuple[Model, Summed]] = [(single, single), *((several, each) for each in several.classes)]
    for model, of in summed:
        contributed, form = contributing(of, model.columns), packing(model)
        for row in rows(model, seed, 100):
            numbers = form.unpack(form.pack(*numbers_of(row, model.columns)))
            found, expected = contributed(numbers), contributions(of, model.columns, numbers)
            assert [(name, part.hex()) for name, part in found.items()] == [
                (name, part.hex()) for name, part in expected.items()
            ]


@pytest.mark.parametrize("kind", KINDS)
def test_generated_code_of_classes_and_the_walk_through_them_agree_bit_for_bit(kind: str) -> None:
    model = random_classes(7, kind)
    score, form = class_scorer(model), packing(model)
    for row in rows(model, 7, 200):
        found, packed = score(row)
        assert [each.hex() for each in found] == [total(each, form.unpack(packed)).hex() for each in model.classes]
        assert probabilities(model, found) == forecasts(model, numbers_of(row, model.columns))


@pytest.mark.parametrize("kind", KINDS)
def test_the_probabilities_of_classes_are_the_same_on_every_machine(kind: str) -> None:
    model = random_classes(42, kind)
    row = {column.name: place * 1.7 for place, column in enumerate(model.columns)} | {"t": "b"}
    found = class_scorer(model)(row)[0]
    assert ([each.hex() for each in found], list(probabilities(model, found).values())) == CLASSES_GOLDEN[kind]


def test_probabilities_of_classes_are_the_normalised_powers_of_e_to_six_places() -> None:
    chance = random.Random(8)
    for _ in range(3000):
        margins = [chance.uniform(-20, 20) for _ in range(chance.randrange(2, 11))]
        powers = [math.exp(each - max(margins)) for each in margins]
        found = softmax(margins)
        assert all(abs(each - power / sum(powers)) < 1.1e-6 for each, power in zip(found, powers, strict=True))
        assert abs(sum(found) - 1) < 0.5e-6 * len(found) + 1e-12


def test_two_classes_of_which_one_has_no_margin_are_a_model_without_classes() -> None:
    for margin in range(-20_000_000, 20_000_001, 54_321):
        assert softmax([margin / 1e6, 0.0])[0] == logistic(margin / 1e6)


def test_margins_of_classes_that_are_far_apart_or_no_numbers_have_probabilities() -> None:
    assert softmax([1e300, 0.0, -1e300]) == [1.0, 0.0, 0.0]
    assert softmax([math.inf, math.inf]) == [0.5, 0.5]
    assert softmax([math.nan, 0.0]) == [0.0, 1.0]
    assert softmax([-math.inf, -math.inf, -math.inf]) == [0.333333] * 3


CLASSES_GOLDEN: dict[str, tuple[list[str], list[float]]] = {
    "boosted": (
        ["0x1.d3881743485b2p-3", "0x1.c176abd1b2f32p-3", "-0x1.2b7d0b1dabf21p-2"],
        [0.386804, 0.383407, 0.229789],
    ),
    "forest": (
        ["0x1.1859c1362bc4cp-1", "0x1.1768d8f2ebfcbp-1", "0x1.c19b4859d182ep-2"],
        [0.54756, 0.545722, 0.439069],
    ),
    "linear": (
        ["-0x1.6915586c465dcp+3", "-0x1.36f0353638af7p+5", "-0x1.8c131d476d31cp+0"],
        [5.9e-05, 0.0, 0.999941],
    ),
}
