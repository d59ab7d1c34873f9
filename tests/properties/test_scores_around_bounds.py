"""Decaying scores that come near a number, leap over it and fall below it: the engine and the oracle agree."""

import json
from random import Random

import pytest

from app.segments.evaluation.time_rules import TimeRules
from tests.model.messages import Record
from tests.model.story import START_MS, event
from tests.properties.comparison import difference
from tests.properties.scenario import Pause, Scenario

SCORE = {
    "score": "s",
    "half_life": "10s",
    "points": [
        {"on": "'A'", "add": 5},
        {"on": "'B'", "add": -3},
        {"on": "'D'", "add": 0.1},
        {"when": "exists('C' within 4s)", "add": 2},
    ],
}


def scenario(seed: int) -> Scenario:
    """A segment entered and left by points, and one that depends on it; saved and restored now and then."""
    chance = Random(seed)
    bound = chance.choice((1, 4, 6, 9, 14))
    near = {"segment": "near", "when": f"score('s') {chance.choice(('>=', '>', '<', '<='))} {bound}"}
    both = {"segment": "z-both", "when": "segment('near') and exists('D' within 1m)"}
    files = {f"{number}.yaml": json.dumps(each) for number, each in enumerate((SCORE, near, both))}
    moments: list[tuple[Record, Pause]] = []
    at_ms = 0
    for offset in range(60):
        at_ms += chance.choice((0, 200, 1_000, 3_000, 3_000, 9_000))
        said = event(f"{max(0, at_ms - chance.choice((0, 0, 0, 2_500)))}ms", chance.choice("AAABCD"), {})
        pause: Pause = "restart" if offset % 17 == 16 else ""
        moments.append((Record(offset, -1, b"u", json.dumps(said).encode()), pause))
    return Scenario(files, TimeRules(), tuple(moments), START_MS + 3_600_000)


@pytest.mark.parametrize("seed", range(40))
def test_every_change_is_the_one_that_the_oracle_says(seed: int) -> None:
    assert difference(scenario(seed)) is None
