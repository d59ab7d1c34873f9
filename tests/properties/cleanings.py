"""Histories whose values are cleaned: of all kinds, with rules that may be others later."""

import json
from dataclasses import replace
from typing import Any

from app.segments.definitions.catalog_settings import CLEANING_FILE
from app.segments.definitions.cleaning_rules import with_steps
from tests.model.messages import Clean, Record
from tests.model.oracle import Step
from tests.properties.erasures import erasing_scenario_of
from tests.properties.scenario import Pause, Scenario, merging_scenario_of, people_scenario_of, scenario_of
from tests.support.choices import Choices
from tests.support.histories import NAMES

TOP = (*("x", "c") * 6, "p", "tags", "day", "zone", "version", "odd name", "o")
BELOW = (
    "o.x",
    "products.c",
    "products.x",
    "products.product_id",
    "products.price",
    "products.quantity",
    "products.parts.c",
)
STEPS: tuple[list[str], ...] = (["trim", "lower"], ["lower", "trim"], ["trim"], ["lower"], [])
TEXTS = (*("a", "b") * 3, "B1", " A ", "2", "1", "ab", "A", "")
VALUES: tuple[Any, ...] = ("a", "b", "c", "2", 1, 2, True, False, " A ", "")
DIRTY_PERCENT = 70
DIRT = (
    (b': "a"', b': " A "'),
    (b': "a"', b': "A"'),
    (b': "b"', b': "b\\t"'),
    (b': "b"', b': "B"'),
    (b': "a"', b': ""'),
)
TOLD = """segment: told
when: last(x of any('A', 'B')) is known or exists('C' where c = 'a')
attach:
  x: last(x of any('A', 'B'))
  c: distinct(c of any('A', 'B', 'C'))
  n: count(any('A', 'B') where x = 'a')
  tags: last(tags of any('A', 'B'))
  products: last(products.c of any('A', 'B', 'Product Added'))
  part: last(o.x of any('A', 'B'))
updates: [x, c, n, tags, products, part]
"""


def cleaning_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind under rules; now and then others take their place, or none."""
    kinds = (scenario_of, scenario_of, merging_scenario_of, people_scenario_of, erasing_scenario_of)
    scenario = choices.one_of(*kinds)(choices)
    moments: list[tuple[Step, Pause]] = [
        (_dirty(choices, step) if isinstance(step, Record) else step, pause) for step, pause in scenario.moments
    ]
    for _ in range(choices.one_of(0, 0, 1, 1, 2)):
        text = "" if choices.chance(20) else _rules(choices)
        at = choices.whole(len(moments) // 4, len(moments))
        moments.insert(at, (Clean(text), choices.one_of("", "", "restart")))
    files = scenario.files | {"told.yaml": TOLD} | ({CLEANING_FILE: _rules(choices)} if choices.chance(85) else {})
    return replace(scenario, files=files, moments=tuple(moments))


def _rules(choices: Choices) -> str:
    return json.dumps({"rules": choices.some(lambda: _rule(choices), 1, 8)})


def _rule(choices: Choices) -> dict[str, Any]:
    """A rule that does something; several of the same property are likely."""
    events = list(choices.one_of(NAMES, NAMES[:3], choices.shuffled(NAMES)[: choices.whole(1, 4)]))
    rule: dict[str, Any] = {"event": events if choices.chance(80) else events[0]}
    rule["property"] = choices.one_of(*(BELOW if choices.chance(25) else TOP))
    steps = choices.one_of(*STEPS)
    if steps:
        rule["do"] = steps
    if choices.chance(60):
        texts = (
            ["2", "1"]
            if choices.chance(20)
            else choices.some(lambda: with_steps(choices.one_of(*TEXTS), tuple(steps)), 1, 3)
        )
        rule["map"] = {text: int(text) if text in ("1", "2") else choices.one_of(*VALUES) for text in texts}
    if choices.chance(45) or len(rule) == 2:
        rule["default"] = choices.one_of(*VALUES)
    return rule


def _dirty(choices: Choices, record: Record) -> Record:
    """The record, in whose texts there may be blanks and capital letters. Of a page it makes an event with a name."""
    if record.value is None or not choices.chance(DIRTY_PERCENT):
        return record
    value = record.value.replace(b'"type": "page"', b'"type": "track", "event": "A"')
    for before, after in choices.some(lambda: choices.one_of(*DIRT), 1, 2):
        value = value.replace(before, after)
    return replace(record, value=value)
