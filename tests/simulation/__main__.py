"""Many runs, one seed after the other: `python -m tests.simulation --runs 100000`; one of them again, with its story:
`python -m tests.simulation --replay 4711` (add `--bug NAME` for one with a planted bug)."""

import argparse
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.bugs import BUGS
from tests.simulation.run import Outcome, Run

SLICE = 250
SHOWN_MAX = 20


def simulate(seeds: range) -> Counter[str]:
    """Plays some runs: sums of their figures, and the seeds of those that went wrong, as `bad SEED`."""
    logging.disable(logging.CRITICAL)
    sums: Counter[str] = Counter()
    for seed in seeds:
        outcome = play(seed)
        sums.update(runs=1, calls=outcome.calls, faults=outcome.faults)
        sums.update(changes=outcome.changes, generations=outcome.generations, seconds=int(outcome.took_ms / 1000))
        sums.update(restarts=outcome.restarts)
        if outcome.violations:
            sums[f"bad {seed}"] += 1
    return sums


def play(seed: int, *, bug: str | None = None, telling: bool = False) -> Outcome:
    """One run. What it dies of is a violation, too."""
    kind = Run if bug is None else BUGS[bug].run
    run = kind(seed, telling=telling)
    try:
        return run.play()
    except Exception as error:  # noqa: BLE001  # told with its seed
        run.violate(f"the run died: {error!r}")
        return run.outcome()


def story_of(outcome: Outcome) -> str:
    """Tells the story of a run, and how to repeat it."""
    lines = [f"seed {outcome.seed}: {len(outcome.violations)} violations", *outcome.story]
    return "\n".join([*lines, f"again: python -m tests.simulation --replay {outcome.seed}"])


def main() -> int:
    """The exit code: 1 if something was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="the first one; the others follow it")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--replay", type=int, help="one seed, with its story")
    parser.add_argument("--bug", choices=sorted(BUGS), help="with --replay: a planted bug")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if given.replay is not None:
        outcome = play(given.replay, bug=given.bug, telling=True)
        sys.stdout.write(story_of(outcome) + "\n")
        return bool(outcome.violations)
    began_s = time.monotonic()
    end = given.seed + given.runs
    slices = [range(start, min(start + SLICE, end)) for start in range(given.seed, end, SLICE)]
    sums: Counter[str] = Counter()
    with ProcessPoolExecutor(given.processes) as pool:
        for number, some in enumerate(pool.map(partial(simulate), slices), start=1):
            sums.update(some)
            for name in (name for name in some if name.startswith("bad ")):
                sys.stdout.write(f"violated: --replay {name.removeprefix('bad ')}\n")
            if not number % 20 or number == len(slices):
                minutes = (time.monotonic() - began_s) / 60
                violated = sum(name.startswith("bad ") for name in sums)
                sys.stdout.write(
                    f"{sums['runs']:,} runs in {minutes:.1f} min, {violated} with violations; "
                    f"{sums['faults']:,} faults, {sums['restarts']:,} workers started again, "
                    f"{sums['generations']:,} generations, {sums['calls']:,} requests, {sums['changes']:,} changes, "
                    f"{sums['seconds'] / 86_400:,.1f} simulated days\n"
                )
                sys.stdout.flush()
    bad = sorted(int(name.removeprefix("bad ")) for name in sums if name.startswith("bad "))
    for seed in bad[:SHOWN_MAX]:
        sys.stdout.write(story_of(play(seed, telling=True)) + "\n\n")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
