"""Events that wait for those before them, where the catalog has an order (`order: {wait}`).

An event whose turn has not come is remembered in its user's profile, and taken later at its own instant, in the order
of (t, arrival). The clock at which it is taken plays no part in what it brings about, so batches and restarts do not
matter.
See docs/exact-meaning.md, "Where events wait for those before them".
"""

from app.events.message import Message, MessageError, user_of
from app.segments.compiler.program import Program
from app.segments.evaluation.batch import NO_CLOCK, Batch, DeadLetter, RecordLike, WaitingRecord
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.event_reader import Event
from app.segments.partition.live_catalog import NOT_FED
from app.segments.partition.user_table import Held, UserTable
from tables import profile as profiles
from tables import waiting
from tables.counted import WAITING_TAKEN
from tables.profile import Profile
from tables.timers import UNBOUNDED
from tables.waiting import Waiting


class WaitingEvents(UserTable):
    """Users with their waiting events. A subclass applies an event, and fires timers."""

    def __init__(self, program: Program, rules: TimeRules, *, held: Held | None = None) -> None:
        super().__init__(program, rules, held=held)
        self._batch = Batch()
        self._held: dict[int, Event] = {}  # by offset: those of the present batch, read already
        self._turns = 0  # instants whose events `_take_turns` took

    def _apply(
        self, user: str, profile: Profile | None, message: Message, t: int, now: int, clock: int, *, identified: bool
    ) -> None:
        raise NotImplementedError

    def _fire(self, user: str, profile: Profile, limit: int, *, instants_max: int = UNBOUNDED) -> Profile | None:
        raise NotImplementedError

    def _hold(self, user: str, profile: Profile | None, record: RecordLike, event: Event) -> None:
        """Lets an event wait for those before it. If too much of the user waits, the first is taken."""
        if profile is None:
            profile = self._hold_key(user)
        assert record.value is not None, "an event without a value"
        self._held[record.offset] = event
        held: Waiting | None = waiting.hold(profile.waiting, [event.t, record.offset, record.timestamp, record.value])
        profile.waiting = held
        while held is not None and waiting.is_over_limit(held):
            self._batch.counted[WAITING_TAKEN] += 1
            self._take_first(user, profile)
            profile = self._touched[user]
            held = profile.waiting

    def _hold_key(self, key: str) -> Profile:
        """A profile for a key of whom nothing is known."""
        profile = self._touched[key] = profiles.waiting_profile(None)
        self._gone.discard(key)
        if self._catalog.entry is None:
            self._catalog.begin(self.program, self._settlement, now=NOT_FED, clock_ms=self.clock_ms)
        return profile

    def _catch_up(self, user: str, profile: Profile, clock_ms: int) -> Profile | None:
        """Takes the user's events whose turn has come at this clock, then fires the timers due; None if the user is
        forgotten.

        So at each of their records, as where no event waits: a profile that is ahead of the partition's position has
        nothing left to do at the position's clock.
        """
        known = self._take_turns(user, profile, clock_ms)
        if known is not None and known.begun and known.timer(self.rules.retention_ms) <= clock_ms:
            self._settlement.user = user
            self._fire(user, known, clock_ms)
            known = self._touched.get(user)
        return known

    def _take_turns(
        self, user: str, profile: Profile, clock_ms: int, *, instants_max: int = UNBOUNDED
    ) -> Profile | None:
        """Takes the user's events whose turn has come at this clock, in order, each after the timers before it.

        `instants_max`: the later ones are left; those of one instant have one turn, and are taken together.
        """
        turn_ms = clock_ms + self.program.early_ms
        known: Profile | None = profile
        self._turns = 0
        at_ms = None
        while known is not None and known.waiting is not None and waiting.first_ms(known.waiting) <= turn_ms:
            if at_ms != waiting.first_ms(known.waiting):
                if self._turns >= instants_max:
                    break
                self._turns += 1
                at_ms = waiting.first_ms(known.waiting)
            self._take_first(user, known)
            known = self._touched.get(user)
        return known

    def _take_first(self, user: str, profile: Profile) -> None:
        """Takes the first event that waits, at its own instant, whatever the clock is by now."""
        assert profile.waiting is not None, "nothing waits"
        (t, offset, timestamp, value), profile.waiting = waiting.take_first(profile.waiting)
        event = self._held.pop(offset, None)
        if event is None:
            record = WaitingRecord(offset, timestamp, user.encode(), value)
            try:
                message = self.program.decoder.decode(value)
                identified = user_of(message, self.rules.user_ids)[1]
            except MessageError as error:  # a later catalog reads fields that were skipped when the event came
                self._batch.dead.append(DeadLetter(record, error.reason, error.detail, error.position))
                if not profile.begun and profile.waiting is None and profile.identity is None and not profile.leaves:
                    self._leave(user, None)
                return
        else:
            message, identified = event.message, event.identified
        now = max(t, profile.highest_ms, profile.fired_ms)
        self._apply(user, profile, message, t, now, now, identified=identified)

    def _leave(self, user: str, held: Waiting | None) -> None:
        """The user is forgotten; what still waits of them will begin a new one."""
        if held is not None:
            self._touched[user] = profiles.waiting_profile(held)
            return
        del self._touched[user]
        self._gone.add(user)

    def _reevaluate(self, user: str, profile: Profile) -> Profile | None:
        super()._reevaluate(user, profile)
        # Under a catalog without an order no event waits any longer.
        return profile if self.program.wait_ms else self._take_turns(user, profile, NO_CLOCK)
