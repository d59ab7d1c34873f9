"""Histories of users in experiments: of all kinds, with groups of segments and a holdout of the catalog."""

import json
from collections.abc import Iterator
from dataclasses import replace

from app.segments.definitions.catalog_settings import SETTINGS_FILE
from tests.model.messages import Record, instant_ms
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
ALL_IN = "segment: everybody\nwhen: never('Nothing')\nexperiment: "


def experiment_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind with experiments: several segments share one, some begin within the history."""
    kinds = (scenario_of, merging_scenario_of, merging_scenario_of, people_scenario_of, erasing_scenario_of)
    scenario = choices.one_of(*kinds)(choices)
    instants = list(_instants(scenario)) or [scenario.end_ms]
    known = {
        name: _experiment(choices, name, place, instants) for name, place in zip("ef", _places(choices), strict=True)
    }
    files = {}
    for path, text in scenario.files.items():
        is_in = text.startswith("segment:") and choices.chance(70)
        files[path] = text + (f"experiment: {known[choices.one_of(*NAMES)]}\n" if is_in else "")
    files["everybody.yaml"] = f"{ALL_IN}{known['e']}\n"
    if not choices.chance(40):
        return replace(scenario, files=files)
    start = f", start: '{_start(choices, instants)}'" if choices.chance(40) else ""
    files[SETTINGS_FILE] = files.get(SETTINGS_FILE, "") + f"holdout: {{share: {choices.one_of(*SHARES)}{start}}}\n"
    return replace(scenario, files=files, others=())


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
