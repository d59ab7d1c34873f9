"""Keys of one person that an administrator joins or separates: control records.

Theory of operation. A command writes two control records in one transaction, one for each key. `merge`: the user claims
the key, whatever it is, and the key moves (`LinkedKeys`). `replace` undoes a link. Its command has computed, from the
log of the user's partition, the user's profile without what came from the key, and a profile of what came from it:

1. At the user the one takes the place of their profile. The command has made sure that no record of the user stands
   between those that it has read and this one. What became of memberships is said (`cause: split`). The key is split
   off for ever.
2. At the key, it lives again, and the other profile is merged into what it is by now.
3. What was on its way from the key to the user meanwhile comes to the user after 1, and goes back to the key.

So every event counts in exactly one profile, whatever comes while the command computes. What may live here: what
control records do. What may not: how the profiles are computed (`app/offline/split.py`).
"""

from msgspec.structs import replace

from app.events.control_record import CONTROL_MARK, OF_PARTITION, ONE_KEY, Control, read_control
from app.events.link_record import Link
from app.events.message import MessageError
from app.segments.evaluation.batch import Batch, RecordLike
from app.segments.evaluation.change import Cause
from app.segments.partition.counted_users import CountedUsers
from tables import identity as identities
from tables import message_ids
from tables import profile as profiles
from tables.counted import LINK_FOREIGN
from tables.identity import ASKED, SPLIT, Claim
from tables.profile import Profile

FORCE = "force"


class SeparatedKeys(CountedUsers):
    """Users with the other keys of the same person, which an administrator joins or separates."""

    def _take_between_keys(self, record: RecordLike, batch: Batch) -> None:
        """A link or control record, at its place in the log. MessageError for one that cannot be used."""
        assert record.value is not None, "a record between keys without a value"
        if not record.value.startswith(CONTROL_MARK):
            self._take_link(record, batch)
            return
        control = read_control(record.value)
        if control.app != self.rules.app:
            batch.counted[LINK_FOREIGN] += 1
            return
        if control.deed in OF_PARTITION:
            self._take_of_partition(control, record.offset)
            return
        is_users = record.key == control.to.encode() and control.deed not in ONE_KEY
        key = control.to if is_users else control.source
        if record.key != key.encode():
            names = f"{control.source!r:.80} or {control.to!r:.80}"
            raise MessageError("wrong-key", f"the key is {record.key!r:.80}, the control record is for {names}")
        if self._reached and self._reached.get(key, 0) > record.offset:
            return
        profile = self._known(key)
        if profile is not None and profile.begun:  # who is due to be forgotten is, wherever a batch ends
            self._settlement.user = key
            self._fire(key, profile, self.clock_ms)
            profile = self._touched.get(key)
        if control.deed == "merge":
            self._join(control, key, profile)
        elif control.deed == "erase":
            self._take_erasure(control, profile)
        elif control.deed == "unsuppress":
            self._take_unsuppression(control, profile)
        elif control.deed == "fill":
            self._take_fill(control, profile)
        elif key == control.source:
            self._take_back(control, profile)
        else:
            self._replace(control, profile)

    # ---- merge

    def _join(self, control: Control, key: str, profile: Profile | None) -> None:
        """The user claims the key; the key is asked, and cannot refuse."""
        ask = replace(self._link("ask", control.source, control.to, control.n), at_ms=control.at_ms, why=FORCE)
        if key == control.source:
            self._take_ask(ask, profile)
            return
        if profile is None:
            profile = self._hold_key(key)
        identity = profile.identity or identities.new_identity()
        identity.claims[control.source] = Claim(control.n, control.at_ms, ASKED, FORCE)
        identity.used_ms = max(identity.used_ms, self.clock_ms, control.at_ms)
        profile.know(identity)

    # ---- replace

    def _take_back(self, control: Control, profile: Profile | None) -> None:
        """The key is the user's no more, and what came from it comes back."""
        a, u = control.source, control.to
        if profile is None:
            profile = self._hold_key(a)
        identity = profile.identity or identities.new_identity()
        identity.answered[u] = max(control.n, identity.answered.get(u, 0))
        identity.used_ms = max(identity.used_ms, self.clock_ms, control.at_ms)
        profile.know(identity)
        if identity.moved_to == u:
            self._live_again(profile, identity)
        told = self._link("ask", a, u, control.n)
        self._tell(replace(told, at_ms=control.at_ms, why=FORCE), "split")
        if control.profile:
            back = replace(told, step="give", id=control.id, to=a, asker=u, path=(u,), at_ms=control.at_ms)
            self._take_give(replace(back, now_ms=self.clock_ms, profile=control.profile), profile)

    def _replace(self, control: Control, profile: Profile | None) -> None:
        """The user's profile without what came from the key takes the place of the one with it."""
        user = control.to
        if profile is None:
            return
        if profile.moved_to is not None:
            raise MessageError("moved", f"{user!r:.80} has moved to {profile.moved_to!r:.80}: nothing to replace")
        now = self.clock_ms
        settlement = self._settlement
        settlement.user = user
        if profile.begun:
            now = max(now, profile.highest_ms, profile.fired_ms)
            before = self._fire(user, profile, now)
            if before is None:
                return
            profile = before
        left = self._replacement(control, now) or profiles.waiting_profile(None)
        settlement.name(Cause("split", link=control.id, into=control.source))
        identity = profile.identity or identities.new_identity()
        why = identity.claims[control.source].why if control.source in identity.claims else FORCE
        identity.claims[control.source] = Claim(control.n, control.at_ms, SPLIT, why)
        identity.used_ms = max(identity.used_ms, now)
        left.sequence = profile.sequence if profile.begun else max(left.sequence, profile.sequence)
        left.know(identity)
        self._touched[user] = left
        if not left.begun:
            self._leave_all(profile, left, now)
            return
        left.identified |= profile.identified
        left.fired_ms = max(left.fired_ms, now)
        left.watched = 0
        for own in self.program.experiments:  # what a user was exposed to stays so, whoever they were
            if own in profile.aggregates:
                left.aggregates[own] = profile.aggregates[own]
        settlement.become(left, profile, now)
        settlement.settle(left, (1 << len(self.program.segments)) - 1, now)

    def _leave_all(self, profile: Profile, left: Profile, now: int) -> None:
        """Nothing is left of the user but the keys."""
        self._settlement.leave_everything(profile, now)
        left.sequence = profile.sequence

    def _replacement(self, control: Control, now: int) -> Profile | None:
        """The profile of a replace, with what time alone has brought about since it was computed."""
        entry = self._catalog.entry
        if not control.profile or entry is None:
            return None
        epoch = entry.epoch if control.version == self.program.version else 0
        return self._brought_up(control.to, profiles.decode(control.profile), entry, now, epoch=epoch)

    # ---- what was on its way

    def _goes_back(self, link: Link, profile: Profile | None) -> bool:
        if profile is not None and link.to in link.path:
            self._live_again_if_split(profile, link)
            return link.step == "forward" and self._is_back_again(profile, link)
        identity = None if profile is None else profile.identity
        if profile is None or identity is None or not link.path:
            return False
        if profile.begun and self.clock_ms >= profile.highest_ms + self.rules.retention_ms:
            return False  # forgotten by now, wherever a batch ends
        claim = identity.claims.get(link.path[-1])
        if claim is None or claim.state != SPLIT:
            return False
        if link.step == "forward":
            self._pass_clock(link, self.program.decoder.decode(link.event.encode()))
        self._send(replace(link, to=link.path[-1], why=link.to), owner=link.to)
        return True

    def _live_again_if_split(self, profile: Profile, link: Link) -> None:
        """The user has sent back what the key has sent them: it is not theirs, whatever the key believes. It may have
        forgotten the split, and taken a claim from before it for a new one; the two would send this on for ever."""
        identity = profile.identity
        if identity is not None and link.to == link.path[-1] and link.why and link.why == identity.moved_to:
            self._tell_end(link.to, identity, self.clock_ms)
            self._live_again(profile, identity)

    def _is_back_again(self, profile: Profile, link: Link) -> bool:
        """An event that the key has passed on comes back to it: True if it did before; else it may count here now."""
        message = self.program.decoder.decode(link.event.encode())
        if message.messageId is None:
            return False
        message_id = str(message.messageId)
        identity = profile.identity or identities.new_identity()
        now = max(self.clock_ms, profile.highest_ms, profile.fired_ms, identity.used_ms)
        if self._is_repeated(profile, f"\x00{len(link.path)}\x00{message_id}", now):
            self._pass_clock(link, message)
            return True
        message_ids.forget(profile.message_ids, message_ids.digest_of(message_id.encode()))
        return False
