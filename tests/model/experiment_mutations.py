"""Bugs on purpose in what experiments do."""

from tests.model.mutation import Mutation

EXPERIMENT_MUTATIONS = (
    Mutation(
        "a group follows the shares of today",
        "app/segments/evaluation/exposure.py",
        "        if known is None and now >=",
        "        if now >=",
    ),
    Mutation(
        "an experiment begins a moment late",
        "app/segments/evaluation/exposure.py",
        "now >= code.experiment.start_ms",
        "now > code.experiment.start_ms",
    ),
    Mutation(
        "the holdout of the catalog leaves nobody out of the others",
        "app/segments/evaluation/exposure.py",
        "            return HELD_OUT, [exposed]",
        "            group = HELD_OUT",
    ),
    Mutation(
        "who is held out is exposed to the segment's own experiment",
        "app/segments/evaluation/exposure.py",
        "if known is not None and code.experiment.is_universal and known[GROUP] == HELD_OUT:",
        "if False:",
    ),
    Mutation(
        "a place in a layer is not looked at",
        "app/segments/evaluation/exposure.py",
        "        end = experiment.from_step",
        "        end = 0",
    ),
    Mutation(
        "the group that a user received is told of what they were in before",
        "app/segments/evaluation/exposure.py",
        "known is None or known[SINCE] > since_ms",
        "known is None",
    ),
    Mutation(
        "a user takes over the group of an id though they have one",
        "tables/exposures.py",
        "return [own[GROUP], own[EXPOSED_AT], 1, own[SINCE]]",
        "return [other[GROUP], own[EXPOSED_AT], 1, own[SINCE]]",
    ),
    Mutation(
        "nobody crosses",
        "tables/exposures.py",
        "return [own[GROUP], own[EXPOSED_AT], 1, own[SINCE]]",
        "return own",
    ),
    Mutation(
        "the earlier exposure of an id is forgotten",
        "tables/exposures.py",
        "min(own[EXPOSED_AT], other[EXPOSED_AT])",
        "own[EXPOSED_AT]",
    ),
    Mutation(
        "an id takes its group with it",
        "app/segments/merging/profiles.py",
        "            if own in program.experiments:",
        "            if False:",
    ),
)
