"""Histories of users in experiments: of all kinds, with groups of segments and a holdout of the catalog, which may be
others later."""

import json
from collections.abc import Iterator
from dataclasses import replace

import yaml

from app.segments.definitions.catalog_settings import SETTINGS_FILE
from tests.model.messages import Record, Regroup, instant_ms
from tests.model.oracle import Step
from tests.model.plain import instant_text
from tests.properties.erasures import erasing_scenario_of
from tests.properties.scenario import Scenario, merging_scenario_of, people_scenario_of, scenario_of
from tests.support.choices import Choices

NAMES = ("e", "e", "f")
GROUPS = (
    "{holdout: 50, mail: 50}",
    "{holdout: 50, mail: 50}",
    "{a: 33.33, b: 33.33, c: 33.34}",
    "{holdout: 20, mail: 30}",
    "{mail: 100}",
    "{holdout: 0.01, mail: 40}",
)
PLACES = ("salt: s1", "salt: s2", "", "layer: s3", "layer: s4, from: 20", "layer: s4, from: 49.99")
SHARES = ("50", "33.33", "99.99", "0.01", "50")
ALL_IN = "segment: everybody\nwhen: never('Nothing')\n"


def experiment_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind with experiments: several segments share one, some begin within the history, and now and
    then others take their place."""
    kinds = (scenario_of, merging_scenario_of, merging_scenario_of, people_scenario_of, erasing_scenario_of)
    scenario = choices.one_of(*kinds)(choices)
    instants = list(_instants(scenario)) or [scenario.end_ms]
    segments = {path: yaml.safe_load(text)["segment"] for path, text in scenario.files.items() if is_segment(text)}
    first = _groups(choices, [*segments.values()], instants, everybody_percent=100)
    files = {
        path: text + _line("experiment", first.experiments.get(segments.get(path, ""), ""))
        for path, text in scenario.files.items()
    }
    files["everybody.yaml"] = ALL_IN + _line("experiment", first.experiments["everybody"])
    if first.holdout:
        files[SETTINGS_FILE] = files.get(SETTINGS_FILE, "") + _line("holdout", first.holdout)
    later = [
        _groups(choices, [*segments.values()], instants, everybody_percent=60)
        for _ in range(choices.one_of(0, 0, 1, 1, 2))
    ]
    moments = list(scenario.moments)
    for step in later:
        moments.insert(choices.whole(len(moments) // 4, len(moments)), (step, choices.one_of("", "", "restart")))
    others = () if any(step.holdout for step in (first, *later)) else scenario.others
    return replace(scenario, files=files, others=others, moments=tuple(moments))


def is_segment(text: str) -> bool:
    return text.startswith("segment:")


def _line(key: str, value: str) -> str:
    return f"{key}: {value}\n" if value else ""


def _groups(choices: Choices, segments: list[str], instants: list[int], *, everybody_percent: int) -> Regroup:
    """Experiments of some segments, and now and then a holdout."""
    known = {
        name: _experiment(choices, name, place, instants) for name, place in zip("ef", _places(choices), strict=True)
    }
    found = {segment: known[choices.one_of(*NAMES)] for segment in segments if choices.chance(70)}
    if choices.chance(everybody_percent):
        found["everybody"] = known["e"]
    if not choices.chance(40):
        return Regroup(found)
    start = f", start: '{_start(choices, instants)}'" if choices.chance(40) else ""
    return Regroup(found, f"{{share: {choices.one_of(*SHARES)}{start}}}")


def _places(choices: Choices) -> tuple[str, str]:
    """Two that do not divide the users in the same way."""
    one = choices.one_of(*PLACES)
    other = choices.one_of(*(each for each in PLACES if each == "" or each.split(",")[0] != one.split(",")[0]))
    return one, other


def _experiment(choices: Choices, name: str, place: str, instants: list[int]) -> str:
    groups = choices.one_of("{holdout: 20, mail: 30}", "{mail: 50}") if "from" in place else choices.one_of(*GROUPS)
    said = [f"name: {name}", f"groups: {groups}", *([place] if place else [])]
    if choices.chance(40):
        said.append(f"start: '{_start(choices, instants)}'")
    return "{" + ", ".join(said) + "}"


def _start(choices: Choices, instants: list[int]) -> str:
    return instant_text(choices.one_of(*instants) + choices.one_of(0, 0, 1, -1))


def _instants(scenario: Scenario) -> Iterator[int]:
    """The instants that the events say."""
    steps: list[Step] = scenario.steps
    for step in steps:
        if isinstance(step, Record):
            try:
                said = json.loads(step.value or b"")
                yield instant_ms(said["timestamp"])
            except (ValueError, KeyError, TypeError, AssertionError, AttributeError):
                continue
