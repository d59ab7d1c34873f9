"""Exposure of users to experiments: who is in which group, since when, and what changes tell of it.

The group is a function of the user and the definition until the first exposure, the first entry into a segment of the
experiment; from then on it is a part of the profile. Entries that a backfill computes expose nobody: destinations do
not act on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from app.events.instants import iso
from app.segments.definitions.experiment import HELD_OUT, Experiment
from app.segments.evaluation.bucket import bucket_step
from app.segments.evaluation.change import Exposed
from tables.exposures import CROSSED, EXPOSED_AT, GROUP, SINCE, exposure
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


def told_of(
    profile: Profile, experiments: Sequence[ExperimentCode], since_ms: int
) -> tuple[str | None, list[Exposed] | UnsetType]:
    """Facts that a change of a membership tells: the group that decides, and the experiments.

    All changes of a membership tell the same group. One that the user has only had since a later instant than
    `since_ms`, at which the membership began, is none of it.
    """
    group = None
    told = []
    for code in experiments:
        known = profile.aggregates.get(code.id)
        if known is None or known[SINCE] > since_ms:
            continue
        exposed = Exposed(code.experiment.name, known[GROUP], iso(known[EXPOSED_AT]), bool(known[CROSSED]))
        if not code.experiment.is_universal:
            group = known[GROUP]
        elif known[GROUP] == HELD_OUT:
            return HELD_OUT, [exposed]
        told.append(exposed)
    return group, told or UNSET
