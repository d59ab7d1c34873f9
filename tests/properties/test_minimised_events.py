"""Minimised events give the same changes: nothing that is left out is read by any definition of a history.

`TRUTH_HISTORIES` and `TRUTH_SEED` are those of counts.py; a twentieth of the histories is tried.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.events.message import MESSAGE_BYTES_MAX
from app.segments.definitions.catalog import load_catalog
from app.segments.review.minimisation import Minimisation, minimisation, minimised
from tests.model.messages import Record
from tests.properties.consents import consent_scenario_of
from tests.properties.counts import FIRST_SEED, HISTORIES
from tests.properties.playing import Player
from tests.properties.scenario import Scenario, people_scenario_of, scenario_of
from tests.support.choices import Choices

pytestmark = [pytest.mark.truth, pytest.mark.timeout(600)]
HISTORIES_AT_ONCE = 20
EVERY = 20


def rules_of(scenario: Scenario) -> Minimisation:
    """For all definitions that the history ever runs."""
    others = scenario.others or ({},)
    catalogs = [load_catalog(scenario.files | other) for other in others]
    return minimisation(catalogs, scenario.rules, "catalog")


def rewritten(scenario: Scenario, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Scenario:
    """The same history with other events; what cannot be read or is too long stays as it is."""
    return replace(
        scenario,
        moments=tuple(
            (_rewritten(step, change) if isinstance(step, Record) else step, pause) for step, pause in scenario.moments
        ),
    )


def _rewritten(record: Record, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Record:
    try:
        event: Any = json.loads(record.value or b"", parse_constant=_refused, parse_float=_short)
    except ValueError:
        return record
    if not isinstance(event, dict) or len(record.value or b"") > MESSAGE_BYTES_MAX // 2:
        return record
    return replace(record, value=json.dumps(change(event)).encode())


def _refused(text: str) -> None:
    raise ValueError(text)


def _short(text: str) -> float:
    if json.dumps(value := float(text)) != text:
        raise ValueError(text)
    return value


@pytest.mark.long
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, HISTORIES_AT_ONCE * EVERY))
@pytest.mark.parametrize("history", [scenario_of, people_scenario_of, consent_scenario_of])
def test_minimised_events_change_the_same(history: Callable[[Choices], Scenario], first: int) -> None:
    left_out = 0
    for seed in range(first, first + HISTORIES_AT_ONCE * EVERY, EVERY):
        scenario = history(Choices.seeded(seed))
        rules = rules_of(scenario)
        whole = Player(rewritten(scenario, lambda event: event)).play()
        parts: list[str] = []

        def cut(event: dict[str, Any], rules: Minimisation = rules, scenario: Scenario = scenario) -> dict[str, Any]:
            left: dict[str, Any]
            left, _, found = minimised(event, None, rules, scenario.rules.user_ids)
            parts.extend(found)  # noqa: B023  (used before the next history)
            return left

        less = Player(rewritten(scenario, cut)).play()
        assert less.changes == whole.changes, f"seed {seed}: minimised events change something else"
        assert (less.outcomes, less.members) == (whole.outcomes, whole.members), f"seed {seed}"
        left_out += len(parts)
    assert left_out > 0
