"""Looks for a history that tells the engine and the oracle apart; exits with 1 and prints it, else with 0.

`python -m tests.properties.hunt 500 7`: 500 histories, the seventh lot. From the folder whose `app` is meant.
"""

import sys

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.properties.comparison import difference
from tests.properties.scenario import Scenario, scenarios


def hunt(histories: int, first_seed: int) -> str | None:
    """The first difference among so many histories, with its scenario."""
    found: list[str] = []

    @seed(first_seed)
    @settings(
        max_examples=histories,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def look(scenario: Scenario) -> None:
        if not found:
            told = difference(scenario)
            if told is not None:
                found.append(f"{told}\n\n{scenario}")

    look()
    return found[0] if found else None


if __name__ == "__main__":
    HISTORIES_AT_ONCE = 50
    total, lot = int(sys.argv[1]), int(sys.argv[2])
    for part in range(-(-total // HISTORIES_AT_ONCE)):
        difference_found = hunt(HISTORIES_AT_ONCE, lot * 1_000_000 + part)
        if difference_found is not None:
            sys.exit(difference_found)
