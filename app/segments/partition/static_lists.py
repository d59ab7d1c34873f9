"""Static lists: users are put on them and taken off by list records in the log.

A list record is neither an event nor moves the clock. It is remembered at its own key, also of a key without events,
which then enters nothing until its first event. Of two records the later in the log counts. See docs/lists.md.
"""

from app.events.list_record import read_list_record
from app.events.message import MessageError
from app.segments.compiler.list_ids import list_id
from app.segments.evaluation.batch import Batch, RecordLike
from app.segments.evaluation.change import Cause
from app.segments.partition.linked_keys import LinkedKeys
from tables.counted import LIST_FOREIGN
from tables.profile import Profile


class StaticLists(LinkedKeys):
    """Users with the static lists that they are on. A subclass admits events."""

    def _take_list(self, record: RecordLike, batch: Batch) -> None:
        """A list record, at its place in the log. MessageError for one that is none, or has no key."""
        assert record.value is not None, "a list record without a value"
        found = read_list_record(record.value)
        if found.app != self.rules.app:
            batch.counted[LIST_FOREIGN] += 1
            return
        user = _key_of(record)
        if self._reached and self._reached.get(user, 0) > record.offset:
            return
        clock_ms = self.clock_ms
        profile = self._touched.get(user) or self._load(user)
        if profile is not None and profile.waiting is not None:
            profile = self._catch_up(user, profile, clock_ms)
        if profile is not None and not profile.begun and self._forget_key(user, profile, clock_ms):
            profile = None
        now = clock_ms
        if profile is not None and profile.begun:
            now = max(clock_ms, profile.highest_ms, profile.fired_ms)
            self._settlement.user = user
            self._fire(user, profile, now)
            profile = self._touched.get(user)
        if profile is not None and profile.identity is not None and profile.identity.is_suppressed:
            return
        if profile is None:
            if not found.on:
                return
            profile = self._hold_key(user)
        own = list_id(found.name)
        profile.leaves[own] = [found.at_ms, found.on]
        if profile.begun:
            profile.fired_ms = max(profile.fired_ms, now)
            self._settle_list(profile, own, found.name, now)

    def _settle_list(self, profile: Profile, own: int, name: str, now: int) -> None:
        mask = self.program.list_masks.get(own, 0)
        if mask:
            settlement = self._settlement
            settlement.name(Cause("list", list=name))
            settlement.settle(profile, mask, now)


def _key_of(record: RecordLike) -> str:
    try:
        if record.key:
            return record.key.decode()
    except UnicodeDecodeError:
        pass
    raise MessageError("wrong-key", f"the key of a list record is its user, not {record.key!r:.80}")
