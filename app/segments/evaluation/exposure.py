"""Exposure of users to experiments: who is in which group, since when, and what changes tell of it.

The group is a function of the user and the definition until the first exposure, the first entry into a segment of the
experiment; from then on it is a part of the profile. Entries that a backfill computes expose nobody: destinations do
not act on them. A membership keeps the groups that its entry has told, so that all its changes tell the same, also
when the experiments of the definitions are others by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.events.instants import iso
from app.segments.definitions.experiment import HELD_OUT, Experiment
from app.segments.evaluation.bucket import bucket_step
from app.segments.evaluation.change import Exposed
from tables.exposures import CROSSED, GROUP, Told, exposure
from tables.profile import Profile


@dataclass(frozen=True, slots=True)
class ExperimentCode:
    """An experiment of a live segment; its state is in `Profile.aggregates` under `id`."""

    id: int
    experiment: Experiment

    def group_of(self, user: str) -> str | None:
        """The group of a user who was not exposed; None for one who takes no part."""
        experiment = self.experiment
        step = bucket_step(experiment.salt, user)
        end = experiment.from_step
        if step < end:
            return None
        for group, share in experiment.groups:
            end += share
            if step < end:
                return group
        return None


def expose(profile: Profile, experiments: Sequence[ExperimentCode], user: str, now: int) -> None:
    """A user enters a segment of these experiments. Who is in the holdout of the catalog takes part in no other."""
    for code in experiments:
        known = profile.aggregates.get(code.id)
        if known is None and now >= code.experiment.start_ms:
            group = code.group_of(user)
            known = None if group is None else exposure(group, now)
            if known is not None:
                profile.aggregates[code.id] = known
        if known is not None and code.experiment.is_universal and known[GROUP] == HELD_OUT:
            return


def told_of(profile: Profile, experiments: Sequence[ExperimentCode]) -> list[Told]:
    """The groups that the changes of a membership tell that begins now, in a list; empty for a user without any.

    The group that decides is that of the segment's own experiment, or the holdout of the catalog.
    """
    group = None
    told = []
    for code in experiments:
        known = profile.aggregates.get(code.id)
        if known is None:
            continue
        told.append([code.experiment.name, *known[: CROSSED + 1]])
        if not code.experiment.is_universal:
            group = known[GROUP]
        elif known[GROUP] == HELD_OUT:
            group = HELD_OUT
            break
    return [[group, *told]] if told else []


def exposed_of(told: Told) -> list[Exposed]:
    """Experiments, as a change has them."""
    return [Exposed(name, group, iso(at_ms), bool(crossed)) for name, group, at_ms, crossed in told[1:]]
