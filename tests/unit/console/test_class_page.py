"""The page about a training with several classes: what it shows, and that it loads nothing."""

import re
from dataclasses import replace

import pytest

from app.console.class_page import class_page
from app.offline.class_training import ClassMeasures, Figures, Measures
from app.segments.definitions.model_file import Model
from tests.support.models import random_classes

BUYERS = ClassMeasures("buyers", 900, 300, 0.95, (0.94, 0.96), 0.92, 0.31, 0.30)
SAVERS = ClassMeasures("savers", 700, 200, 0.70, (0.67, 0.73), 0.65, 0.19, 0.20)
NONE = ClassMeasures("none", 2_000, 500, 0.68, (0.66, 0.70), 0.54, 0.50, 0.50)
FIGURES = Figures(
    frequencies=Measures("part of each class", 0.88, 0.5, (0.0, 0.0)),
    baseline=Measures("a table by <i>plan</i>", 0.73, 0.55, (0.0, 0.0)),
    measured=(Measures("linear", 0.69, 0.6, (0.03, 0.05)), Measures("boosted", 0.68, 0.61, (0.04, 0.06))),
    classes=(BUYERS, SAVERS, NONE),
    important=(("liked", 0.2), ("plan", -0.1)),
    test_rows=1_000,
    users_in_both=12,
)


@pytest.fixture(scope="module")
def model() -> Model:
    return random_classes(1)


def test_all_measures_are_on_the_page_and_it_loads_nothing(model: Model) -> None:
    page = class_page(model, FIGURES)
    assert 'class="verdict good"' in page
    assert "boosted forecasts better than a table by &lt;i&gt;plan&lt;/i&gt;." in page
    assert '<tr class="chosen"><td>boosted trees, chosen</td><td class="n">0.6800</td><td class="n">61 %</td>' in page
    assert "0.950 (0.940 to 0.960)" in page
    assert page.count("<svg ") == 3
    assert "plan</text>" not in page, "what adds nothing has no bar"
    assert not re.search(r"<(script|img|link|iframe|a)[ >]|url\(|@import| on\w+=", page)


def test_the_page_is_careful_where_the_report_is(model: Model) -> None:
    few = replace(FIGURES, classes=(BUYERS, replace(SAVERS, test_rows=99), NONE))
    off = replace(FIGURES, classes=(replace(BUYERS, mean_forecast=0.45), SAVERS, NONE))
    worse = replace(FIGURES, measured=(Measures("boosted", 0.73, 0.61, (-0.01, 0.06)),))
    for figures, said in (
        (few, "Too few rows to rely on: 99 of savers."),
        (off, "The level of buyers is off: the mean forecast is 0.4500, 0.3000 was true."),
        (worse, "Not shown that boosted forecasts better than"),
    ):
        page = class_page(model, figures)
        assert said in page
        assert 'class="verdict good"' not in page


def test_names_that_do_not_fit_below_a_picture_are_numbers(model: Model) -> None:
    short = class_page(model, FIGURES)
    assert ">savers</text>" in short
    long = replace(SAVERS, name="those-who-save-things-for-another-day-and-come-back")
    page = class_page(model, replace(FIGURES, classes=(BUYERS, long, NONE)))
    assert ">savers</text>" not in page
    assert ">2</text>" in page
    assert "class, as numbered in the table" in page
