"""Histories of users who agree to purposes and withdraw it: of all kinds, with consent in definitions and events."""

import json
from dataclasses import replace
from typing import Any

from app.segments.definitions.catalog_settings import CONSENT_FILE
from tests.model.messages import Record
from tests.model.oracle import Step
from tests.properties.scenario import Pause, Scenario, merging_scenario_of, scenario_of
from tests.support.choices import Choices

POLICY = "purposes:\n  m: {default: denied}\n  g: {default: granted, category: G}\n"
MERGING_PERCENT = 25
FICKLE_PERCENT = 30
AGREED = "segment: agreed\nwhen: never('Nothing')\nrequires: [m]\ncooldown: "
COOLDOWNS = ("2s", "10s", "1m")
ALWAYS = {
    CONSENT_FILE: POLICY,
    "denied.yaml": "segment: denied\nwhen: not segment('agreed') and not consent('m')\nattach: {g: consent('g')}\n",
}
PURPOSES = ("m", "g")
CATEGORIES = ("m", "G")
ANSWERS: tuple[Any, ...] = (True, False, True, False, True, None, "yes", 1, [], [True], {"x": 1})


def consent_scenario_of(choices: Choices) -> Scenario:
    """A scenario of any kind in which definitions ask for consent, and events say it.

    In some, users change their mind with nearly every event, so that they agree again while a cooldown lasts.
    """
    scenario = merging_scenario_of(choices) if choices.chance(MERGING_PERCENT) else scenario_of(choices)
    files = {path: _with_consent(choices, text) for path, text in scenario.files.items()}
    often = 90 if choices.chance(FICKLE_PERCENT) else 35
    moments: list[tuple[Step, Pause]] = [
        (_saying(choices, step, often) if isinstance(step, Record) else step, pause) for step, pause in scenario.moments
    ]
    agreed = {"agreed.yaml": f"{AGREED}{choices.one_of(*COOLDOWNS)}\n"}
    return replace(scenario, files=files | ALWAYS | agreed, moments=tuple(moments))


def _with_consent(choices: Choices, text: str) -> str:
    """A definition that requires purposes, asks for them in its conditions, or sends them."""
    if not text.startswith("segment:"):
        return text
    lines = []
    for line in text.splitlines():
        key, _, value = line.partition(": ")
        if key in ("when", "enter", "exit") and value.startswith('"') and choices.chance(30):
            condition, purpose = json.loads(value), choices.one_of(*PURPOSES)
            asked = choices.one_of(
                f"consent('{purpose}') and ({condition})",
                f"({condition}) or not consent('{purpose}')",
                f"consent('{purpose}')",
            )
            line = f"{key}: {json.dumps(asked)}"
        elif key == "attach" and value.startswith("{"):
            agrees = {"agrees": f"consent('{choices.one_of(*PURPOSES)}')"}
            line = f"{key}: {json.dumps(json.loads(value) | agrees)}"
        elif key == "updates" and value.startswith("[") and choices.chance(50):
            line = f"{key}: {json.dumps([*json.loads(value), 'agrees'])}"
        lines.append(line)
    if choices.chance(60):
        lines.append(f"requires: {choices.one_of('[m]', '[g]', '[m, g]', '[g, m]', '[m]')}")
    return "\n".join([*lines, ""])


def _saying(choices: Choices, record: Record, percent: int) -> Record:
    """The record, whose event may now say what its user agrees to."""
    if not choices.chance(percent):
        return record
    try:
        said: Any = json.loads(record.value or b"", parse_constant=_refuse, parse_float=_short)
    except ValueError:
        return record
    if not isinstance(said, dict) or not isinstance(said.get("context", {}), dict):
        return record
    answers: Any = {each: choices.one_of(*ANSWERS) for each in CATEGORIES if choices.chance(60)}
    if choices.chance(5):
        answers = choices.one_of(None, "all", [], True)
    consent: Any = None if choices.chance(3) else {"categoryPreferences": answers}
    said["context"] = said.get("context", {}) | {"consent": consent}
    return replace(record, value=json.dumps(said).encode())


def _refuse(text: str) -> None:
    raise ValueError(text)


def _short(text: str) -> float:
    """A number that is written again as it was."""
    value = float(text)
    if json.dumps(value) != text:
        raise ValueError(text)
    return value
