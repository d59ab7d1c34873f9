"""Looks for a history that tells the engine and the oracle apart; exits with 1 and prints it, else with 0.

`python -m tests.properties.hunt 500 7000`: 500 histories, those of the seeds from 7000 on; with `merging` behind it,
histories of two users of whom one turns out to be the other; with `consent`, those of users who agree and withdraw;
with `experiment`, those of users in groups; with `terms`, those of catalogs about few kinds of terms; with `value`,
those of segments by value; with `cleaning`, those whose values are cleaned; with `model`, those with a model; with
`population`, those of users who are compared with all;
with `people`, those of people with several keys, in one partition and in several; with `split`, of those whom an
administrator splits and merges; with `erase`, of those who are erased; with `backfill`, those in which
segments are filled. From the folder whose `app` is meant.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from tests.properties.cleanings import cleaning_scenario_of
from tests.properties.comparison import difference
from tests.properties.consents import consent_scenario_of
from tests.properties.erasures import erasing_scenario_of, misbegun, unerased
from tests.properties.experiments import experiment_scenario_of
from tests.properties.populations import population_scenario_of
from tests.properties.scenario import (
    Scenario,
    merging_scenario_of,
    model_scenario_of,
    people_scenario_of,
    scenario_of,
)
from tests.properties.split_keys import misdivided, misrenamed, misreplaced, misseparated, mistold
from tests.properties.spread import miscounted, misremembered
from tests.properties.term_catalogs import term_scenario_of
from tests.properties.values import limit_of, segments_by_value, value_scenario_of
from tests.support.backfilling import unlike_one_run
from tests.support.choices import Choices
from tests.support.few_values import few_values
from tests.support.states_in_hand import every_state_in_hand


def hunt(seeds: Iterable[int], scenario_of: Callable[[Choices], Scenario] = scenario_of) -> tuple[int, Scenario] | None:
    """The first seed whose history tells them apart, with that history; the odd ones have every state in hand."""
    for seed in seeds:
        scenario = scenario_of(Choices.seeded(seed))
        if difference_of(seed, scenario) is not None:
            return seed, scenario
    return None


def difference_of(seed: int, scenario: Scenario) -> str | None:
    """The difference, if there is one."""
    is_few = any(segments_by_value(scenario.files))
    with every_state_in_hand() if seed % 2 else nullcontext(), few_values(limit_of(seed)) if is_few else nullcontext():
        return difference(scenario)


def hunt_people(seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose history of people shows a difference, with that."""
    for seed in seeds:
        spread = miscounted(Choices.seeded(seed)) or misremembered(Choices.seeded(seed))
        if spread is not None:
            return seed, spread
        for scenario in (people_scenario_of(Choices.seeded(seed)), scenario_of(Choices.seeded(seed))):
            if scenario.is_of_people and (found := difference(scenario)) is not None:
                return seed, f"{found}\n\n{scenario}"
    return None


def hunt_split(seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose history of split keys shows a difference, with that."""
    for seed in seeds:
        for look in (misdivided, mistold, misseparated, misreplaced, misrenamed):
            if (found := look(Choices.seeded(seed))) is not None:
                return seed, found
    return None


def hunt_erased(seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose history of people who are erased shows a difference, with that."""
    for seed in seeds:
        found = misbegun(Choices.seeded(seed)) or unerased(Choices.seeded(seed))
        if found is not None:
            return seed, found
        scenario = erasing_scenario_of(Choices.seeded(seed))
        if (found := difference_of(seed, scenario)) is not None:
            return seed, f"{found}\n\n{scenario}"
    return None


def hunt_backfill(seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose history shows that a segment is not as in one run after its backfill, with that."""
    for seed in seeds:
        for scenario in (scenario_of, people_scenario_of, value_scenario_of):
            choices = Choices.seeded(seed)
            is_few = scenario is value_scenario_of
            with few_values(limit_of(seed)) if is_few else nullcontext():
                if (found := unlike_one_run(choices, scenario(choices))) is not None:
                    return seed, found
    return None


if __name__ == "__main__":
    histories, first_seed = int(sys.argv[1]), int(sys.argv[2])
    hunts = {"people": hunt_people, "split": hunt_split, "erase": hunt_erased, "backfill": hunt_backfill}
    of_keys = hunts.get("".join(sys.argv[3:]))
    if of_keys is not None:
        told = of_keys(range(first_seed, first_seed + histories))
        sys.exit(None if told is None else f"seed {told[0]}: {told[1]}")
    kinds = {
        "merging": merging_scenario_of,
        "consent": consent_scenario_of,
        "experiment": experiment_scenario_of,
        "terms": term_scenario_of,
        "value": value_scenario_of,
        "cleaning": cleaning_scenario_of,
        "model": model_scenario_of,
        "population": population_scenario_of,
    }
    of = kinds.get("".join(sys.argv[3:]), scenario_of)
    found = hunt(range(first_seed, first_seed + histories), of)
    if found is not None:
        sys.exit(f"seed {found[0]}: {difference_of(*found)}\n\n{found[1]}")
