"""Users whose new aggregates are filled with history by a backfill: control records.

Theory of operation. A command plays the partition's log, and the history before it, under the catalog that the
partition runs. What it computes of a user takes the place of what the partition knows, for the aggregates and segments
of the backfill alone:

1. *Filling*, once a partition: says what is filled, and since when history knows it.
2. *Fill*, once a user: the profile that history gives. The command has made sure that no record of the user stands
   between those that it has read and this one; so the user is what one run over all records would have made of them.
   Time has gone on meanwhile: events that waited are taken and timers fire, as in the partition itself.
3. *Filled*, once a partition, behind the last fill: the aggregates count as fed since the beginning of the history.

A segment that waits for its windows (`warmup: wait`) is silent until a user is filled: the marker of the backfill in
their profile says so. Another catalog ends the backfill. What may live here: what control records of a backfill do.
What may not: how the profiles are computed (`app/offline/backfill_shadow.py`).
"""

from typing import Any

from msgspec.structs import replace

from app.events.control_record import Control
from app.events.message import EVENT_KINDS
from app.segments.compiler.aggregates import stable_id
from app.segments.evaluation.change import Cause
from app.segments.merging.profiles import merge_leaves
from app.segments.partition.erased_keys import ErasedKeys
from app.segments.partition.live_catalog import NOT_FED, fed_by, filled_ms
from app.segments.partition.position import CATALOG_KEY, CatalogEntry, Filling, write_catalog_entry
from tables import message_ids
from tables import profile as profiles
from tables.counted import FILL_DROPPED
from tables.profile import OUT_AT, Membership, Profile


class FilledKeys(ErasedKeys):
    """Users with the other keys of the same person, whom a backfill can fill."""

    def _take_filling(self, control: Control) -> None:
        """A backfill begins in this partition, is given up, or is over."""
        catalog, program = self._catalog, self.program
        entry = catalog.entry
        if control.version != program.version:
            self._batch.counted[FILL_DROPPED] += 1
        elif control.deed == "filling" and not control.segments:
            if entry is not None and entry.filling is not None and entry.filling.id == control.id:
                catalog.begin_filling(None, program, self._settlement)
        elif control.deed == "filling":
            if entry is None:
                catalog.begin(program, self._settlement, now=NOT_FED, clock_ms=self.clock_ms)
            fed = fed_by(program)
            known = {own: at_ms for own, at_ms in control.aggregates.items() if own in fed}
            segments = tuple(own for own in control.segments if own in program.bits)
            marker = stable_id(f"backfill {control.id}")
            filling = Filling(control.id, marker, known, segments, control.parts)
            catalog.begin_filling(filling, program, self._settlement)
        elif entry is not None and entry.filling is not None and entry.filling.id == control.id:
            catalog.end_filling(program, self._settlement)

    def _take_fill(self, control: Control, profile: Profile | None) -> None:
        """The history of a user takes the place of what is known of the backfill's aggregates and segments."""
        entry, user = self._catalog.entry, control.source
        filling = None if entry is None else entry.filling
        given = profiles.decode(control.profile)
        if entry is None or filling is None or not self._is_filled_by(control, filling, given, profile):
            self._batch.counted[FILL_DROPPED] += 1
            return
        now = max(self.clock_ms, given.highest_ms, given.fired_ms)
        self._settlement.user = user
        if profile is not None and profile.begun:
            now = max(now, profile.highest_ms, profile.fired_ms)
            self._fire(user, profile, now)
            profile = self._touched.get(user)
        filled = replace(entry, fed_ms=filled_ms(entry, filling), filling=None)
        brought = self._brought_up(user, given, filled, now)
        if brought is None:
            return
        if brought.begun and (profile is None or not profile.begun):
            profile = self._begin_user(user, brought.highest_ms, now, self.clock_ms)
        if profile is None:
            return
        profile.aggregates[filling.marker] = 1
        if brought.begun:
            self._fill(profile, brought, filling, now)

    def _is_filled_by(self, control: Control, filling: Filling, given: Profile, profile: Profile | None) -> bool:
        """False for a fill of another backfill or catalog, of a key that has moved, and of one erased since."""
        if filling.id != control.id or control.version != self.program.version:
            return False
        if profile is None:
            return True
        return profile.moved_to is None and (
            not given.begun or given.highest_ms > self._erased_of(profile, self.clock_ms)
        )

    def _fill(self, profile: Profile, given: Profile, filling: Filling, now: int) -> None:
        before = replace(profile, members=dict(profile.members), aggregates=dict(profile.aggregates))
        profile.highest_ms = max(profile.highest_ms, given.highest_ms)
        profile.first_seen_ms = min(profile.first_seen_ms, given.first_seen_ms)
        profile.identified |= given.identified
        profile.message_ids = message_ids.merge(profile.message_ids, given.message_ids, now, self._batch.counted)
        merge_leaves(profile, given, self.program)
        for own in filling.aggregates:
            _take(profile.aggregates, given.aggregates, own)
            _take(profile.due, given.due, own)
        for own in filling.segments:
            _take(profile.members, given.members, own)
            _take(profile.due, given.due, own)
        for own in given.members.keys() - set(filling.segments):
            _remember_exit(profile.members.get(own), given.members[own])
        if "cart" in filling.parts:
            profile.cart = given.cart
        if "visit" in filling.parts:
            profile.session = given.session
        profile.watched = 0
        profile.fired_ms = max(profile.fired_ms, now)
        settlement = self._settlement
        settlement.name(Cause("backfill", link=filling.id))
        settlement.become(profile, before, now)
        settlement.settle(profile, (1 << len(self.program.segments)) - 1, now)

    def _brought_up(
        self, user: str, given: Profile, entry: CatalogEntry, now: int, *, epoch: int = -1
    ) -> Profile | None:
        """A computed profile, with what time alone has brought about since then; nobody is told. None: forgotten.

        `epoch`: that of the catalog that it was computed under; -1 for that of `entry`.
        """
        if epoch < 0 and given.waiting is None and given.begun and given.timer(self.rules.retention_ms) > now:
            return given
        aside = type(self)(self.program, self.rules)
        aside._batch.kinds = dict.fromkeys(EVENT_KINDS, 0)
        aside.restore(CATALOG_KEY, write_catalog_entry(entry), offset=0)
        aside.restore(user, profiles.encode(given, 0, entry.epoch if epoch < 0 else epoch), offset=0)
        aside.clock_ms = self.clock_ms
        held = aside._known(user)
        if held is not None and held.begun:
            aside._settlement.user = user
            aside._fire(user, held, now)
        return aside._touched.get(user)


def _take(own: dict[int, Any], given: dict[int, Any], name: int) -> None:
    """Takes over an entry, or that there is none."""
    if name in given:
        own[name] = given[name]
    else:
        own.pop(name, None)


def _remember_exit(own: Membership | None, given: Membership) -> None:
    """Takes over when a user left a segment, if no definition asked for it at that time."""
    if own is not None and own[OUT_AT] is None and own[:OUT_AT] == given[:OUT_AT]:
        own[OUT_AT] = given[OUT_AT]
