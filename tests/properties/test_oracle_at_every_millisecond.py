"""The oracle looks only at instants at which something could change: looking at every millisecond finds no more.

Histories are told a thousand times faster for that, seconds becoming milliseconds.
"""

import dataclasses
import json
import re
from contextlib import suppress

import pytest

from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Advance, Clean, Merge, Order, Record, Regroup, instant_ms
from tests.model.oracle import Step
from tests.model.people import oracle_of
from tests.model.plain import instant_text
from tests.model.story import ms
from tests.properties.scenario import scenario_of, times_of
from tests.support.choices import Choices
from tests.support.histories import STARTS

FASTER = 1_000
SPAN_MS_MAX = 1_000
INSTANTS = ("timestamp", "receivedAt", "sentAt", "originalTimestamp")


@pytest.mark.truth
@pytest.mark.long
@pytest.mark.timeout(900)  # one history of a streak takes two minutes
@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_looking_at_every_millisecond_finds_no_more(seed: int) -> None:
    for number in range(seed, seed + 10):
        scenario = scenario_of(Choices.seeded(number))
        catalog = load_catalog({path: faster_text(text) for path, text in scenario.files.items()})
        rules = TimeRules(**{name: value // FASTER for name, value in times_of(scenario.rules).items()})
        start = max(start for start in map(instant_ms, STARTS) if start <= scenario.end_ms + SPAN_MS_MAX)
        steps = [faster_step(step, start) for step in scenario.steps]
        end_ms = oracle_of(catalog, rules).run(steps).clock_ms + SPAN_MS_MAX
        if end_ms - start > 2 * SPAN_MS_MAX:
            continue
        few = oracle_of(catalog, rules).run(steps, clock_ms=end_ms)
        every = oracle_of(catalog, rules, every_ms=True).run(steps, clock_ms=end_ms)
        assert few.changes == every.changes, str(scenario)
        assert few.outcomes == every.outcomes


def faster_text(text: str) -> str:
    return re.sub(r"\b[0-9]+(ms|s|m|h|d)\b", lambda duration: f"{max(1, ms(duration[0]) // FASTER)}ms", text)


def faster_step(step: Step, start: int) -> Step:
    if isinstance(step, Advance):
        return Advance(faster(step.clock_ms, start))
    if isinstance(step, Order):
        return Order(max(step.wait_ms and 1, step.wait_ms // FASTER))
    if isinstance(step, Merge | Regroup | Clean):
        return step
    timestamp = step.timestamp if step.timestamp < 0 else faster(step.timestamp, start)
    return dataclasses.replace(step, timestamp=timestamp, value=faster_value(step, start))


def faster_value(record: Record, start: int) -> bytes | None:
    try:
        said = json.loads(record.value or b"")
    except ValueError:
        return record.value
    for name in INSTANTS:
        with suppress(TypeError, ValueError):  # not there, or no time
            said[name] = instant_text(faster(instant_ms(said.get(name)), start))
    return json.dumps(said).encode()


def faster(instant: int, start: int) -> int:
    return start + (instant - start) // FASTER
