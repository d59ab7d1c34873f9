"""The users of one partition: their profiles as last committed, those in hand, their timers, the catalog's epoch."""

from collections.abc import Mapping, MutableMapping

from app.segments.compiler.program import Program
from app.segments.evaluation.batch import NO_CLOCK, Batch
from app.segments.evaluation.settlement import Settlement
from app.segments.evaluation.time_rules import TimeRules
from app.segments.language.names import model_of
from app.segments.partition.live_catalog import LiveCatalog
from app.segments.partition.position import CATALOG_KEY, Position, read_position, write_position
from app.segments.partition.reevaluation import Reevaluation
from tables import profile as profiles
from tables import waiting
from tables.identity import kept_until_ms
from tables.profile import Profile
from tables.timers import Timers
from tables.windows import FOREVER

Held = MutableMapping[str, bytes]
LOOKED_AT_MAX = 10_000


class UserTable:
    """Profiles, timers and clock of one partition, under one program: what is held, restored, and adopted."""

    def __init__(self, program: Program, rules: TimeRules, *, held: Held | None = None) -> None:
        """`held`: an empty mapping of its own for the encoded profiles; None: they are in memory."""
        self.program = program
        self.rules = rules
        self.clock_ms = NO_CLOCK
        self.next_offset = 0
        self._encoded: Held = {} if held is None else held
        self.timers = Timers()
        self._touched: dict[str, Profile] = {}
        self._gone: set[str] = set()
        self._reached: dict[str, int] = {}
        self._settlement = Settlement(program.segments, rules.retention_ms)
        self._catalog = LiveCatalog()
        self._reevaluation = Reevaluation()
        self._overdue = False
        self._moved = 0
        self.unfired: Mapping[str, int] = {}
        """Timers that no worker has fired under this catalog: user -> the first instant that was left out."""
        self._has_uncounted = False
        """Users are in segments that the program they were restored under did not know."""

    # ---- queries of the caller

    @property
    def users(self) -> int:
        """Profiles held."""
        return len(self._encoded)

    @property
    def encoded(self) -> Held:
        """The mapping that holds the encoded profiles."""
        return self._encoded

    @property
    def moved(self) -> int:
        """Keys that have moved to another."""
        return self._moved

    @property
    def state_bytes(self) -> int:
        """Bytes of all encoded profiles (walks over them: not for every batch)."""
        return sum(map(len, self._encoded.values()))

    def members(self) -> dict[str, int]:
        """Segment -> users in it now."""
        return {name: users for name, users in self._settlement.members.items() if model_of(name) is None}

    def due_ms(self) -> int | None:
        """No timer fires before this instant; None if there is none."""
        return self.timers.earliest_ms()

    def has_due(self, clock_ms: int) -> bool:
        """True if a timer is due at or before `clock_ms`. Nothing that anyone can see changes.

        Looks at no more than `LOOKED_AT_MAX` entries: False may mean that it has to be asked again.
        """
        users, _ = self.timers.take(clock_ms, self._timer_of, entries_max=LOOKED_AT_MAX, found_max=1)
        for user in users:
            self.timers.arm(user, profiles.timer_of(self._encoded[user]))
        return bool(users)

    @property
    def overdue(self) -> bool:
        """True if timers may be left that the clock has passed: to `advance` to where it stands fires some of them.

        True after a restore, until it is known better.
        """
        return self._overdue

    def overdue_timers(self) -> dict[str, int]:
        """Users with a timer that the clock has passed and that has not fired, with its instant (looks at all)."""
        timers = ((user, profiles.timer_of(encoded)) for user, encoded in self._encoded.items())
        return {user: timer for user, timer in timers if timer <= self.clock_ms}

    def held(self, user: str) -> Profile | None:
        """A copy of all that is held of a key as last committed: also of one that has moved, or whose events wait."""
        encoded = self._encoded.get(user)
        return None if encoded is None else profiles.decode(encoded)

    def profile(self, user: str) -> Profile | None:
        """A copy of a user's profile as last committed; None also for one whose events all wait for their turn."""
        profile = self.held(user)
        return profile if profile is not None and profile.begun else None

    def waiting_of(self, user: str) -> int:
        """Events of a user that still wait for their turn, as last committed."""
        encoded = self._encoded.get(user)
        profile = None if encoded is None else profiles.decode(encoded)
        return 0 if profile is None or profile.waiting is None else waiting.count(profile.waiting)

    @property
    def waiting(self) -> int:
        """Events of all users that still wait for their turn (reads all profiles: not for every batch)."""
        return sum(map(self.waiting_of, self._encoded)) if self.program.wait_ms else 0

    # ---- restore

    def restore(self, user: str, profile: bytes | None, *, offset: int) -> None:
        """A value from the changelog (None: a tombstone), in the order of the changelog.

        `offset`: the input offset that it has reached; records before it are skipped for this user.
        """
        if user == CATALOG_KEY:
            if profile is not None:
                self._catalog.restore(profile, self.program, self._settlement)
            return
        self._reevaluation.unsure = True
        self._overdue = True
        before = self._encoded.get(user)
        if before is not None:
            self._count_members(before, -1)
            self._moved -= profiles.has_moved(before)
        if profile is None:
            self._encoded.pop(user, None)
        else:
            self._encoded[user] = profile
            self._count_members(profile, 1)
            self._moved += profiles.has_moved(profile)
            timer = profiles.timer_of(profile)
            if before is None or timer < profiles.timer_of(before):
                self.timers.arm(user, timer)
        if offset > self.next_offset:
            self._reached[user] = offset

    def restore_position(self, position: bytes) -> None:
        """Restores the position of the partition; profiles restored after it may be ahead."""
        found = read_position(position)
        self.next_offset = found.next_offset
        self.clock_ms = found.clock_ms
        self._reached = {user: offset for user, offset in self._reached.items() if offset > found.next_offset}

    def position(self) -> bytes:
        """Encodes the position for `restore_position`."""
        return write_position(Position(1, self.next_offset, self.clock_ms, self.program.version))

    def _count_members(self, encoded: bytes, by: int) -> None:
        members = self._settlement.members
        for own in profiles.inside_of(encoded):
            bit = self.program.bits.get(own)
            if bit is None:
                self._has_uncounted = True
            else:
                members[self.program.segments[bit.bit_length() - 1].name] += by

    def _count_again(self) -> None:
        """Counts the members of the program's segments in all profiles: they were restored under another program, which
        does not know each segment that users are in."""
        self._has_uncounted = False
        self._settlement.members.update(dict.fromkeys((code.name for code in self.program.segments), 0))
        for encoded in self._encoded.values():
            self._count_members(encoded, 1)

    # ---- the catalog

    @property
    def stale(self) -> bool:
        """True if the restored state is of another catalog than the program: `adopt` it before anything else."""
        return self._catalog.is_other_than(self.program)

    @property
    def epoch(self) -> int:
        """Counts the catalogs that took effect here; 0 before the first user."""
        return self._catalog.epoch

    @property
    def fed_ms(self) -> Mapping[int, int]:
        """Aggregate -> the instant since which it has been fed; empty before the first user."""
        entry = self._catalog.entry
        return {} if entry is None else entry.fed_ms

    @property
    def unswept(self) -> list[str]:
        """Users that the sweep has still to evaluate, in order of names, the next of them at the end."""
        return self._reevaluation.left_of(self._encoded, self._catalog.epoch)

    def adopt(self, program: Program, *, clock_ms: int, before: str | None = None) -> None:
        """Another catalog takes effect here, at this journalled clock (the partition's own, when it was journalled).

        Every profile is evaluated once under it, when it is touched or swept (`before`: only those whose names come
        before this one are swept), at the same instant either way; who was not reached by the catalog before it comes
        from the one that reached them last. Aggregates that both catalogs have keep their history.
        """
        members = self._settlement.members
        known = {code.name: code.id for code in self.program.segments}
        for code in program.segments:
            if known.get(code.name, code.id) != code.id:  # by other values than before: another segment
                members[code.name] = 0
        self.program = program
        self._settlement = Settlement(program.segments, self.rules.retention_ms)
        self._settlement.members.update(members)
        if self._has_uncounted:
            self._count_again()
        self.unfired = {}
        if self._catalog.follow(program, self._settlement, clock_ms=clock_ms):
            self._reevaluation.find(self._encoded, self._catalog.epoch, before=before)

    # ---- decoded profiles

    def _load(self, user: str) -> Profile | None:
        if user in self._gone:
            return None
        encoded = self._encoded.get(user)
        if encoded is None:
            return None
        profile = self._touched[user] = profiles.decode(encoded)
        if profiles.epoch_of(encoded) != self._catalog.epoch:
            return self._reevaluate(user, profile)
        return profile

    def _reevaluate(self, user: str, profile: Profile) -> Profile | None:
        """The one evaluation of a profile that was last seen under another catalog."""
        if profile.begun:
            self._catalog.evaluate(profile, self.program, self._settlement, user, retention_ms=self.rules.retention_ms)
        return profile

    def _drop_gone(self, batch: Batch) -> None:
        """Nothing is held any more of who is gone."""
        for user in self._gone:
            self._encoded.pop(user, None)
            batch.profiles[user] = None

    def _begin_user(self, user: str, t: int, now: int, clock_ms: int) -> Profile:
        known = self._touched.get(user)  # by events that wait
        profile = self._touched[user] = profiles.new_profile(t, now, self.program.begin_watched)
        if known is not None:
            profile.waiting = known.waiting
            profile.leaves = known.leaves
            profile.aggregates = known.aggregates  # no more than the marker of a backfill
            if known.identity is not None:  # a key that had moved, and lives again
                profile.know(known.identity)
                profile.message_ids = known.message_ids
                profile.sequence = max(profile.sequence, known.sequence)
        self._gone.discard(user)
        if self._catalog.entry is None:
            self._catalog.begin(self.program, self._settlement, now=now, clock_ms=clock_ms)
        elif self._catalog.is_unfed:
            first_ms = min(now, self._first_waiting_ms())
            self._catalog.feed(self.program, self._settlement, now=first_ms)
        return profile

    def _feed(self, clock_ms: int) -> None:
        """Says since when aggregates are fed, if by this clock the turn of an event of anybody has come: whether it
        was taken yet depends on the batches."""
        first_ms = self._first_waiting_ms()
        if first_ms <= clock_ms + self.program.early_ms:
            self._catalog.feed(self.program, self._settlement, now=first_ms)

    def _first_waiting_ms(self) -> int:
        """The earliest instant of all events that wait (looks at every profile: once in a partition's life)."""
        found = FOREVER
        for user in self._encoded:
            if user not in self._touched and user not in self._gone:
                profile = profiles.decode(self._encoded[user])
                if profile.waiting is not None:
                    found = min(found, waiting.first_ms(profile.waiting))
        for profile in self._touched.values():
            if profile.waiting is not None:
                found = min(found, waiting.first_ms(profile.waiting))
        return found

    def _timer(self, profile: Profile) -> int:
        """The earliest instant of the clock at which something happens to the user without an event."""
        timer = profile.timer(self.rules.retention_ms) if profile.begun else FOREVER
        if profile.waiting is not None:
            return min(timer, max(waiting.first_ms(profile.waiting) - self.program.early_ms, 0))
        if profile.begun:
            return timer
        # A key without events is forgotten when nothing about its links can come any more, and its lists are over.
        kept_ms = [kept_until_ms(profile.identity)] if profile.identity is not None else []
        kept_ms += [entry[0] + self.rules.retention_ms for entry in profile.leaves.values()]
        return max(kept_ms, default=timer)

    def _timer_of(self, user: str) -> int | None:
        encoded = self._encoded.get(user)
        return None if encoded is None else profiles.timer_of(encoded)

    def _live_timer_of(self, user: str) -> int | None:
        profile = self._touched.get(user)
        if profile is not None:
            return self._timer(profile)
        return None if user in self._gone else self._timer_of(user)
