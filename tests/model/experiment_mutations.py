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
        "            group = HELD_OUT\n            break",
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
        "a change tells the groups of the present definitions, not those that its membership began with",
        "app/segments/evaluation/settlement.py",
        "told = member[TOLD] if len(member) > TOLD else None",
        "told = (told_of(profile, getattr(segment, 'experiments', ())) or [None])[0]",
    ),
    Mutation(
        "the next membership tells the groups of the one before",
        "app/segments/evaluation/settlement.py",
        '"exited", evidence, now)\n        member[SENT:] = [None]',
        '"exited", evidence, now)\n        member[SENT] = None',
    ),
    Mutation(
        "a membership does not tell that its user has crossed since",
        "app/segments/merging/memberships.py",
        "            exposures.follow_merge(told, name, merged)",
        "            pass",
    ),
    Mutation(
        "a user takes over the group of an id though they have one",
        "tables/exposures.py",
        "return [own[GROUP], own[EXPOSED_AT], 1]",
        "return [other[GROUP], own[EXPOSED_AT], 1]",
    ),
    Mutation(
        "nobody crosses",
        "tables/exposures.py",
        "return [own[GROUP], own[EXPOSED_AT], 1]",
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
