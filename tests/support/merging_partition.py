"""A partition in which one user's profile can be given to another's between two batches."""

from typing import Final

from app.segments.evaluation.batch import Batch
from app.segments.merging.profiles import left_of, merge_instant, merge_profiles
from app.segments.partition.partition import Partition
from tables import profile as profiles
from tables.profile import Profile

MERGED: Final = "merged"


class MergingPartition(Partition):
    """Both users are of this partition; what is given goes through its encoded form."""

    def merge(self, user: str, given_user: str) -> Batch:
        """Gives the profile of `given_user` to `user`; `given_user` is forgotten."""
        batch = Batch()
        self._begin(batch)
        encoded = self._give_all(given_user)
        if encoded is not None:
            self._receive_all(user, profiles.decode(encoded))
        return self._end(batch)

    def _give_all(self, user: str) -> bytes | None:
        profile = self._current(user)
        if profile is None:
            return None
        now = max(self.clock_ms, profile.highest_ms, profile.fired_ms)
        settlement = self._settlement
        settlement.user = user
        if profile.begun:
            fired = self._fire(user, profile, now)
            profile = self._touched.get(user) if fired is None else fired
            if profile is None:
                return None
        encoded = profiles.encode(profile, 0, self.epoch)
        settlement.kind = MERGED
        settlement.leave_everything(profile, now)
        del self._touched[user]
        self._gone.add(user)
        return encoded

    def _receive_all(self, user: str, given: Profile) -> None:
        profile = self._current(user)
        now = merge_instant(profile, given, clock_ms=self.clock_ms)
        settlement = self._settlement
        settlement.user = user
        if profile is not None and profile.begun:
            self._fire(user, profile, now)
            profile = self._touched.get(user)
        left = left_of(given, now, retention_ms=self.rules.retention_ms)
        if left is None:
            return
        if left.begun and (profile is None or not profile.begun):
            profile = self._begin_user(user, left.highest_ms, now, self.clock_ms)
        elif profile is None:
            profile = self._touched[user] = profiles.waiting_profile(None)
            self._gone.discard(user)
        merge_profiles(profile, left, self.program, now=now)
        if left.begun:
            settlement.kind = MERGED
            settlement.message_id = None
            settlement.settle(profile, (1 << len(self.program.segments)) - 1, now)

    def _current(self, user: str) -> Profile | None:
        """The user's profile after the events whose turn has come."""
        profile = self._touched.get(user) or self._load(user)
        if profile is None or profile.waiting is None:
            return profile
        return self._take_turns(user, profile, self.clock_ms)
