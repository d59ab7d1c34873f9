"""A model file among definitions: what it has to say, and what is said about one that is wrong."""

import json
from typing import Any

import pytest

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.dependencies import evaluated
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX
from tests.support.models import STUMP, model_text

HOT = "segment: hot\nwhen: model('likely') > 0.5\n"
LEAF = {"feature": [-1], "threshold": [0.0], "left": [0], "right": [0], "value": [0.5]}


def problems(**files: str) -> str:
    named = {
        f"{name}.yaml" if text.startswith(("seg", "score")) else f"{name}.model.json": text
        for name, text in files.items()
    }
    with pytest.raises(CatalogError) as caught:
        load_catalog(named)
    return str(caught.value)


def test_a_model_is_settled_before_what_reads_it_and_is_no_segment() -> None:
    catalog = load_catalog({"a.yaml": "segment: a\nwhen: model('likely') > 0.5\n", "m.model.json": model_text()})
    assert [each.name for each in catalog.segments] == ["a"]
    assert [each.name for each in evaluated(catalog)] == ["model likely", "a"]
    assert [name for name, _ in catalog.models[0].attach] == ["views", "plan"]


def test_the_version_follows_what_decides_about_scores_only() -> None:
    def version(text: str) -> str:
        return load_catalog({"m.model.json": text}).version

    same = model_text(label="other", rows=5, quality={"auc": 1, "average_precision": 1, "brier": 0, "top_tenth": 1})
    assert version(same) == version(model_text())
    others = [model_text(leaf=2.5), model_text(base=0), model_text(moments="exists(page)"), model_text(warmup="wait")]
    assert len({version(text) for text in (model_text(), *others)}) == 5


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("model('likly') > 0.5", "unknown model likly"),
        ("model('likely') > 70", "model('likely') lies between 0 and 1"),
        ("model('likely') < -0.1", "model('likely') lies between 0 and 1"),
        ("model('likely')", "model('likely') is a number"),
        ("model('likely') = 'high'", "model('likely') is a number, but 'high' is a text"),
        ("segment('model likely')", "unknown segment model likely"),
        ("exists('A' where model('likely') > 0.5)", "model"),
        ("model() > 0.5", "model needs a name"),
    ],
)
def test_wrong_conditions(condition: str, message: str) -> None:
    assert message in problems(hot=f"segment: hot\nwhen: {condition}\n", m=model_text())


def test_hints_of_wrong_conditions() -> None:
    assert "did you mean 'likely'?" in problems(hot=HOT.replace("likely", "likly"), m=model_text())
    assert "write model('likely') > 0.7" in problems(hot=HOT.replace("0.5", "70"), m=model_text())
    assert "NAME.model.json, beside it" in problems(hot=HOT)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"moments": ""}, "does not say at which moments"),
        ({"moments": "count('A') >"}, "m.model.json:"),
        ({"moments": "count('A')"}, "a condition is true or false"),
        ({"moments": "hour_of_day() = 3"}, "the clock alone would make this true"),
        ({"moments": "model('likely') > 0.5"}, "model likely uses itself"),
        ({"moments": "segment('gone')"}, "unknown segment gone"),
        ({"columns": [{"name": "views", "expression": "conut('A')"}]}, "m.model.json:"),
        ({"columns": []}, "a column has no number"),
        ({"columns": [{"name": "plan", "expression": "traits.plan", "categories": []}]}, "a column has no number"),
        ({"columns": [{"name": "v", "expression": "count('A')"}] * 2}, "two columns have the same name"),
        ({"format": 2}, "format 2 is not known"),
        ({"name": "Likely!"}, "cannot be a name"),
        ({"kind": "linear"}, "a linear model has weights, and nothing else"),
        ({"trees": []}, "a boosted model has trees, and nothing else"),
        ({"trees": [{**LEAF, "value": [1, 2]}]}, "tree 0: feature, threshold"),
        ({"trees": [{**STUMP, "feature": [9, -1, -1], "value": [0, 1, 2]}]}, "node 0 asks for number 9 of 3"),
        ({"trees": [{**STUMP, "left": [0, 0, 0], "value": [0, 1, 2]}]}, "node 0 leads to 0"),
        ({"trees": [LEAF | {"feature": ["x"]}]}, "this file is no model"),
        ({"label": "x" * FILE_LENGTH_MAX}, "characters"),
    ],
)
def test_wrong_models(changed: dict[str, Any], message: str) -> None:
    assert message in problems(m=model_text(**changed))


def test_a_tree_must_not_be_too_deep() -> None:
    depth = 31
    chain = {
        "feature": [0] * depth + [-1] * (depth + 1),
        "threshold": [0.5] * (2 * depth + 1),
        "left": [node + 1 for node in range(depth)] + [0] * (depth + 1),
        "right": [depth + 1 + node for node in range(depth)] + [0] * (depth + 1),
        "value": [0.5] * (2 * depth + 1),
    }
    assert "31 decisions deep; 30 is the most" in problems(m=model_text(trees=[chain]))


def test_weights_must_fit_to_the_numbers() -> None:
    linear = {"weights": [1, 2], "intercept": 0, "logarithm": [True], "mean": [0], "deviation": [0]}
    text = json.loads(model_text(kind="linear", linear=linear))
    assert "must have 3 values each" in problems(m=json.dumps(text | {"trees": []}))


def test_two_models_of_one_name_are_refused() -> None:
    assert "two files are model likely" in problems(m=model_text(), n=model_text(leaf=1))
