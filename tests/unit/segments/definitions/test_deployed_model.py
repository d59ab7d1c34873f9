"""A model file among definitions: what it has to say, and what is said about one that is wrong."""

import json
from typing import Any

import pytest

from app.segments.definitions.catalog import CatalogError, load_catalog
from app.segments.definitions.dependencies import evaluated
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX
from app.segments.language import canonical
from tests.support.models import STUMP, classes_text, model_text

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
        ({"format": 3}, "format 3 is not known, 1 and 2 are"),
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


NEXT = "segment: soon\nwhen: model('next').buyers > 0.4\n"


def test_a_model_with_classes_is_asked_for_one_of_them() -> None:
    texts = {"a.yaml": NEXT, "b.yaml": NEXT.replace("soon", "other").replace(".buyers", "['bargain-hunters']")}
    catalog = load_catalog(texts | {"m.model.json": classes_text()})
    assert [canonical.text(each.when) for each in catalog.segments if each.when is not None] == [
        "model('next')['bargain-hunters'] > 0.4",
        "model('next').buyers > 0.4",
    ]


BUYERS, HUNTERS = "model('next').buyers", "model('next')['bargain-hunters']"


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("model('next') > 0.4", "the model next has several classes", f"name one of its classes: {BUYERS}, {HUNTERS}"),
        ("model('next').buyer > 0.4", "has no class buyer", f"did you mean {BUYERS}?"),
        ("model('next')['bargain-hunter'] > 0.4", "has no class bargain-hunter", f"did you mean {HUNTERS}?"),
        ("model('next').vip > 0.4", "has no class vip", f"there is {BUYERS}, {HUNTERS} and model('next').none"),
        ("model('next').buyers.now > 0.4", "is a number, and has no parts", "write model('next').buyers > 0.4"),
        ("model('next').bargain-hunters > 0.4", "unknown name hunters", f"is written {HUNTERS}"),
        ("model('next').buyers > 40", "lies between 0 and 1", "write model('next').buyers > 0.4"),
        ("exists('A' where model('next').buyers > 0.4)", "is not allowed inside where", "join conditions"),
        ("model('likely').buyers > 0.4", "the model likely has no classes", "write model('likely') > 0.7"),
    ],
)
def test_wrong_classes_in_conditions(condition: str, message: str, hint: str) -> None:
    told = problems(hot=f"segment: hot\nwhen: {condition}\n", m=classes_text(), n=model_text())
    assert message in told
    assert hint in told


def test_two_classes_do_not_contradict_each_other() -> None:
    text = "segment: hot\nwhen: model('next').buyers > 0.6 and model('next').none < 0.3\n"
    assert load_catalog({"a.yaml": text, "m.model.json": classes_text()}).segments


LEAVES = {"rows": 5, "auc": 0.5, "trees": [LEAF]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": []}, "it has 0 classes; 2 to 10 are possible"),
        ({"classes": [LEAVES | {"name": f"c{n}"} for n in range(11)]}, "it has 11 classes"),
        ({"classes": [LEAVES | {"name": "a"}] * 2}, "two classes have the same name"),
        ({"classes": [LEAVES | {"name": each} for each in ("a", "B!")]}, "'B!' cannot be a class"),
        ({"classes": [LEAVES | {"name": "a"}, {"name": "b", "rows": 1, "auc": 0.5}]}, "class b: a boosted model has"),
        ({"trees": [LEAF]}, "a model with classes has weights or trees in them"),
        ({"format": 1}, "a model of format 1 has a quality, and no classes"),
    ],
)
def test_wrong_models_with_classes(changed: dict[str, Any], message: str) -> None:
    assert message in problems(m=classes_text(**changed))


def test_the_version_follows_the_classes_too() -> None:
    def version(text: str) -> str:
        return load_catalog({"m.model.json": text}).version

    said = json.loads(classes_text())
    said["classes"][0]["rows"], said["classes"][0]["auc"] = 5, 0.1
    assert version(json.dumps(said)) == version(classes_text())
    said["classes"][0]["base"] = 0.125
    assert version(json.dumps(said)) != version(classes_text())
