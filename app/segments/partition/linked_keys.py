"""Keys of one person: a user claims the anonymous ids that come with their events, and receives what those remember.

Theory of operation. A person has several keys, in several partitions. Keys talk by link records in the clickstream,
which each partition reads in the order of its log, like events; so a partition stays a function of its records. State
moves once, from an anonymous id that was never a `userId` to a user:

1. An event with both ids, at the user: the user *claims* the id and asks for it.
2. The ask, at the anonymous id: it leaves every segment, gives all that it remembers, and has moved.
3. The give, at the user: what the id remembers is merged, and every segment is settled once.
4. A later event of the moved id is forwarded to the user.

No two partitions have to agree at any instant: between two steps the state is in the log. Link records move no clock;
a forwarded event moves it like any event. Each give counts once, whatever is repeated.

What may live here: who asks, moves, refuses, follows. What may not: how two memories become one (`merging`), I/O. See
docs/identity.md, and docs/exact-meaning.md, "One person, several keys".
"""

from typing import Final

from msgspec.structs import replace

from app.events.link_record import Link, Step, Why, link_id, read_link, write_link
from app.events.message import USER_BYTES_MAX, Message, MessageError, times_of, user_of
from app.events.user_ids import bare_id
from app.segments.compiler.program import Program
from app.segments.definitions.identity_policy import DEFAULT_POLICY, IdentityPolicy
from app.segments.evaluation.batch import Batch, Linked, LinkOut, RecordLike, WaitingRecord
from app.segments.evaluation.change import Cause
from app.segments.evaluation.time_rules import TimeRules
from app.segments.merging.profiles import left_of, merge_instant, merge_profiles
from app.segments.partition.event_reader import Event
from app.segments.partition.user_table import Held
from app.segments.partition.waiting_events import WaitingEvents
from tables import identity as identities
from tables import message_ids
from tables import profile as profiles
from tables.counted import LINK_FOREIGN, LINK_LIMITED
from tables.identity import ASKED, CLAIM_MS, DAY_MS, GIVEN, LOST, REFUSED, RELEASED, SPLIT, Claim, Identity
from tables.profile import Profile

FOLLOW_ALWAYS: Final = "always"


class LinkedKeys(WaitingEvents):
    """Users with the other keys of the same person. A subclass admits events."""

    def __init__(self, program: Program, rules: TimeRules, *, held: Held | None = None) -> None:
        super().__init__(program, rules, held=held)
        self._local: list[Link] | None = None

    @property
    def _policy(self) -> IdentityPolicy:
        return self.program.identity or DEFAULT_POLICY

    def _admit(self, event: Event, record: RecordLike, batch: Batch) -> None:
        raise NotImplementedError

    # ---- at a user: claims

    def _claim(self, user: str, profile: Profile, message: Message, t: int) -> None:
        """Claims the other ids of an event that the user's aggregates have seen."""
        policy = self._policy
        anonymous_id = self._claimable(message.anonymousId, user)
        if anonymous_id is not None:
            if message.type == "track" and message.event in policy.logout:
                self._release(user, profile, anonymous_id, t)
            else:
                self._ask(user, profile, anonymous_id, t, "identify" if message.type == "identify" else "seen")
        if message.type == "alias" and policy.trust_alias:
            previous_id = self._claimable(message.previousId, user)
            if previous_id is not None and previous_id != anonymous_id:
                self._ask(user, profile, previous_id, t, "alias")

    def _claimable(self, value: object, user: str) -> str | None:
        """The id, if one can claim it."""
        found = None if value is None else self.rules.user_ids.id_of(value)
        if found is None or found == user or "\x00" in found or bare_id(found) in self._policy.blocked:
            return None
        return found if len(found.encode(errors="replace")) <= USER_BYTES_MAX else None

    def _ask(self, user: str, profile: Profile, anonymous_id: str, t: int, why: Why) -> None:
        if identities.is_claimed(profile.links, message_ids.digest_of(anonymous_id.encode()), t):
            return
        identity = profile.identity or identities.new_identity()
        identities.forget_old_claims(identity, t)
        before = identity.claims.get(anonymous_id)
        others = (claim for each, claim in identity.claims.items() if each != anonymous_id and claim.state != SPLIT)
        if sum(claim.at_ms > t - CLAIM_MS for claim in others) >= self._policy.devices_max:
            self._batch.counted[LINK_LIMITED] += 1
            return
        # A user who was forgotten counts on from their new events: the id must not take the claim for a repeat.
        n = max(t, 0 if before is None else before.n + 1)
        state = GIVEN if before is not None and before.state == GIVEN else ASKED
        identity.claims[anonymous_id] = Claim(n, t, state, why)
        profile.know(identity)
        link = self._link("ask", anonymous_id, user, n)
        self._send(replace(link, at_ms=t, why=why), owner=user)

    def _release(self, user: str, profile: Profile, anonymous_id: str, t: int) -> None:
        """A logout: the id is nobody's until the next claim."""
        identity = profile.identity or identities.new_identity()
        kept_ms = max(t - CLAIM_MS - DAY_MS, 0)  # remembered for some days: the next claim has a higher number
        claim = identity.claims.setdefault(anonymous_id, Claim(t, kept_ms, GIVEN, "seen"))
        if claim.state not in (ASKED, GIVEN):
            return
        # A claim may be forgotten, and the id in use ever since: it answers if it is this user's.
        n, claim.n, claim.at_ms, claim.state = claim.n, max(claim.n, t), max(claim.at_ms, kept_ms), RELEASED
        profile.know(identity)
        self._send(replace(self._link("release", anonymous_id, user, n), at_ms=t), owner=user)

    # ---- link records

    def _take_link(self, record: RecordLike, batch: Batch) -> None:
        """A link record, at its place in the log. MessageError for one that is none, or that stands at a wrong key."""
        value = record.value
        assert value is not None, "a link record without a value"
        link = read_link(value)
        if link.app != self.rules.app:
            batch.counted[LINK_FOREIGN] += 1
            return
        if record.key != link.key.encode():
            raise MessageError("wrong-key", f"the key is {record.key!r:.80}, the link is for {link.key!r:.80}")
        if self._reached and self._reached.get(link.key, 0) > record.offset:
            if link.step == "forward":
                self._pass_clock(link, self.program.decoder.decode(link.event.encode()))
            return
        self._apply_link(link, record)

    def _link_at_once(self, offset: int) -> None:
        """Takes what keys of one partition have to say to each other, in order, until nothing is left."""
        while self._local:
            link = self._local.pop(0)
            self._apply_link(link, WaitingRecord(offset, -1, link.key.encode(), None))

    def _apply_link(self, link: Link, record: RecordLike) -> None:
        profile = self._known(link.key)
        if link.step == "ask":
            self._take_ask(link, profile)
        elif self._goes_back(link, profile):
            return
        elif link.step == "give":
            self._take_give(link, profile)
        elif link.step == "forward":
            self._take_forward(link, profile, record)
        elif link.step == "release":
            self._take_release(link, profile)
        else:
            self._take_answer(link, profile)

    def _known(self, key: str) -> Profile | None:
        """The profile of a key before a record about it: what was due has happened."""
        profile = self._touched.get(key) or self._load(key)
        if profile is not None and profile.waiting is not None:
            profile = self._catch_up(key, profile, self.clock_ms)
        if profile is not None and not profile.begun and self._forget_key(key, profile, self.clock_ms):
            return None
        return profile

    def _goes_back(self, link: Link, profile: Profile | None) -> bool:
        """True if nothing is left to do: it goes back to a key that was split off, or has come back before."""
        raise NotImplementedError

    # ---- at an anonymous id

    def _take_ask(self, link: Link, profile: Profile | None) -> None:
        """A user claims this id."""
        a, u = link.source, link.to
        now = self.clock_ms
        if profile is not None and profile.begun:
            now = max(now, profile.highest_ms, profile.fired_ms)
            self._settlement.user = a
            profile = self._fire(a, profile, now)
        identity = (None if profile is None else profile.identity) or identities.new_identity()
        if link.n <= identity.answered.get(u, 0):
            return  # a repeat
        if profile is None:
            profile = self._hold_key(a)
        identity.answered[u] = link.n
        identity.used_ms = max(identity.used_ms, now, link.at_ms)
        forced = link.why == "force"
        if identity.moved_to is not None:
            self._change_hands(link, profile, identity, now)
        elif not forced and (profile.identified or now < identity.shared_until_ms):
            reason = "identified" if profile.identified else "shared"
            profile.know(identity)
            self._refuse(link, reason)
        elif not profile.begun and profile.waiting is None and not profile.leaves:
            self._move(profile, identity, link)
            self._tell(link, "empty")
        else:
            self._give(link, profile, identity, now)

    def _move(self, profile: Profile, identity: Identity, link: Link) -> None:
        """From here on the key is the user's."""
        self._moved += identity.moved_to is None
        identity.moved_to = link.to
        identity.moved_at_ms = max(identity.moved_at_ms, link.at_ms)
        identity.is_forced = link.why == "force"
        profile.know(identity)

    def _change_hands(self, link: Link, profile: Profile, identity: Identity, now: int) -> None:
        """An id that has moved is claimed again."""
        assert identity.moved_to is not None, "the id has not moved"
        if identity.is_forced and link.why != "force":
            profile.know(identity)
            self._refuse(link, "forced")
            return
        if identity.moved_to != link.to:
            self._lose(link, identity.moved_to, identity.answered.get(identity.moved_to, 0))
            identity.hands = [at for at in identity.hands if at > now - CLAIM_MS] + [now]
            if len(identity.hands) > self._policy.switches_max and link.why != "force":
                identity.shared_until_ms = now + CLAIM_MS
                identity.hands = []
                self._live_again(profile, identity)
                self._refuse(link, "shared")
                return
            self._tell(link, "empty")
        self._move(profile, identity, link)

    def _live_again(self, profile: Profile, identity: Identity) -> None:
        """The key is its own again, without a memory."""
        self._moved -= identity.moved_to is not None
        identity.moved_to = None
        identity.is_forced = False
        profile.know(identity)

    def _give(self, link: Link, profile: Profile, identity: Identity, now: int) -> None:
        """All that the id remembers goes to the user."""
        a, u = link.source, link.to
        all_ids, profile.message_ids = profile.message_ids, message_ids.own(profile.message_ids)
        given = profiles.encode(profile, 0, 0)
        given_now = max(profile.highest_ms, profile.fired_ms)
        self._settlement.user = a
        give = self._link("give", a, u, link.n)
        self._settlement.move(profile, Cause("merged", link=give.id, into=u), now)
        self._touched[a] = left = profiles.waiting_profile(None)
        left.sequence, left.message_ids = profile.sequence, all_ids
        self._move(left, identity, link)
        give = replace(give, asker=u, at_ms=link.at_ms, path=(a,), now_ms=given_now, profile=given)
        self._send(give, owner=a)
        self._tell(link, "given")

    def _refuse(self, link: Link, reason: str) -> None:
        self._send(replace(self._link("refuse", link.source, link.to, link.n), why=reason), owner=link.source)
        self._tell(link, f"refused:{reason}")

    def _lose(self, link: Link, user: str, n: int) -> None:
        """The id goes from this user, whose last claim has the number `n`, to the one of the link."""
        lost = self._link("lost", link.source, user, n)
        self._send(replace(lost, why=link.to), owner=link.source)
        self._tell(replace(lost, at_ms=link.at_ms, why=link.why), "lost")

    def _take_release(self, link: Link, profile: Profile | None) -> None:
        """The user has logged out: the id lives again, if the claim still holds."""
        identity = None if profile is None else profile.identity
        if profile is None or identity is None or identity.moved_to != link.to:
            return
        n = identity.answered.get(link.to, -1)
        if n <= link.n and not identity.is_forced:
            self._live_again(profile, identity)
            self._tell(replace(link, n=n), "released")

    def _follows(self, user: str, profile: Profile, event: Event, record: RecordLike) -> bool:
        """An event at a key that has moved: True if it goes on to its user, or was seen before."""
        identity = profile.identity
        assert identity is not None
        assert identity.moved_to is not None
        stays = event.identified or (self._policy.follow != FOLLOW_ALWAYS and event.t > identity.moved_at_ms)
        if stays and not identity.is_forced:
            self._tell_end(user, identity, event.t)
            self._live_again(profile, identity)
            return False
        # Never before an earlier event, whose instant may have been ahead of the clock: what is forgotten stays so.
        now = max(self.clock_ms, event.t, identity.used_ms)
        if self._is_repeated(profile, event.message.messageId, now):
            return True
        identity.used_ms = max(identity.used_ms, now)
        profile.know(identity)
        assert record.value is not None, "an event without a value"
        n = identity.answered.get(identity.moved_to, 0)
        forward = self._link("forward", user, identity.moved_to, n)
        forward = replace(forward, path=(user,), event=record.value.decode(), record_ms=record.timestamp)
        self._send(forward, owner=user)
        return True

    def _is_repeated(self, profile: Profile, message_id: object, now: int) -> bool:
        """True if the key has seen the message within 24 h; else it is remembered."""
        if message_id is None:
            return False
        digest = message_ids.digest_of(str(message_id).encode())
        if message_ids.known(profile.message_ids, digest, now):
            self._batch.duplicates += 1
            return True
        message_ids.remember_passed(profile.message_ids, digest, now, self._batch.counted)
        return False

    # ---- at a user: what comes from their ids

    def _take_answer(self, link: Link, profile: Profile | None) -> None:
        """A claim was refused, or is lost."""
        identity = None if profile is None else profile.identity
        claim = None if identity is None else identity.claims.get(link.source)
        if profile is None or identity is None or claim is None or claim.n != link.n:
            return
        claim.state = f"{REFUSED}:{link.why}" if link.step == "refuse" else LOST
        profile.know(identity)

    def _take_give(self, link: Link, profile: Profile | None) -> None:
        """The memory of an id becomes a part of that of the user."""
        user = link.to
        if profile is not None and profile.moved_to is not None and not self._goes_in_circles(user, profile, link):
            self._pass_on(user, profile, link)
            return
        given = profiles.decode(link.profile)
        now = merge_instant(profile, given, clock_ms=self.clock_ms)
        self._settlement.user = user
        if profile is not None and profile.begun:
            self._fire(user, profile, now)
            profile = self._touched.get(user)
        # Of a user who is forgotten by now nothing is left, their claims neither.
        identity = (None if profile is None else profile.identity) or identities.new_identity()
        give_id = link_id(self.rules.app, link.source, link.asker, link.n)
        if not identities.remember_give(identity, give_id, max(self.clock_ms, link.now_ms)):
            return
        claim = identity.claims.get(link.source)
        if claim is not None and claim.n == link.n and claim.state == ASKED:
            claim.state = GIVEN
        if profile is not None:
            profile.know(identity)
        left = left_of(given, now, retention_ms=self.rules.retention_ms)
        if left is None:
            return
        if left.begun and (profile is None or not profile.begun):
            profile = self._begin_user(user, left.highest_ms, now, self.clock_ms)
            by_force = claim is not None and claim.n == link.n and claim.why == "force"  # a visitor may be one still
            profile.identified = given.identified or (link.source != user and not by_force)
        elif profile is None:
            profile = self._hold_key(user)
        profile.know(identity)
        merge_profiles(profile, left, self.program, now=now)
        self._batch.merged.append(link.at_ms)
        if left.begun or (left.leaves and profile.begun):
            profile.fired_ms = max(profile.fired_ms, now)
            settlement = self._settlement
            settlement.name(self._cause_of(link))
            settlement.settle(profile, (1 << len(self.program.segments)) - 1, now)
        if profile.waiting is not None:  # the given ones may be due here, where the clock or the order is another
            self._catch_up(user, profile, self.clock_ms)

    def _take_forward(self, link: Link, profile: Profile | None, record: RecordLike) -> None:
        """An event of an id that has moved to this user."""
        user = link.to
        if profile is not None and profile.moved_to is not None and not self._goes_in_circles(user, profile, link):
            self._pass_on(user, profile, link)
            return
        value = link.event.encode()
        arrived = WaitingRecord(record.offset, link.record_ms, user.encode(), value)
        message = self.program.decoder.decode(value)
        t, received = times_of(message, link.record_ms)
        identified = user_of(message, self.rules.user_ids)[1]
        self._admit(Event(message, t, received, user, identified=identified), arrived, self._batch)

    def _cause_of(self, link: Link) -> Cause:
        """The cause of what a give changes: a key that receives what it has given gets it back from the user."""
        if link.source == link.to:
            return Cause("split", link=link.id, source=link.asker)
        return Cause("merged", link=link.id, source=link.source)

    def _goes_in_circles(self, key: str, profile: Profile, link: Link) -> bool:
        """True if a moved key ends a circle of moved keys, since it is the smallest of them: it lives again."""
        identity = profile.identity
        assert identity is not None
        target = identity.moved_to
        path = (*link.path, key)
        if target not in path:
            return False
        circle = path[len(path) - 1 - path[::-1].index(target) :]
        if key != min(circle):
            return False
        self._tell_end(key, identity, self.clock_ms)
        self._live_again(profile, identity)
        return True

    def _pass_on(self, key: str, profile: Profile, link: Link) -> None:
        """A give or a forward goes on from a moved key to where that has moved."""
        identity = profile.identity
        assert identity is not None
        assert identity.moved_to is not None
        if link.step == "give" and identities.was_given(identity, link_id(link.app, link.source, link.asker, link.n)):
            return  # it came back, was taken, and has been given away since
        if link.step == "forward":
            message = self.program.decoder.decode(link.event.encode())
            self._pass_clock(link, message)
            if self._is_repeated(profile, message.messageId, max(self.clock_ms, identity.used_ms)):
                return
        identity.used_ms = max(identity.used_ms, self.clock_ms)
        profile.know(identity)
        self._send(replace(link, to=identity.moved_to, path=(*link.path, key)), owner=key)

    def _pass_clock(self, link: Link, message: Message) -> None:
        """Moves the clock by a forwarded event that is not taken here: whether it was cannot be told after a crash."""
        self.clock_ms = max(self.clock_ms, min(times_of(message, link.record_ms)) - self.program.lag_ms)

    # ---- out

    def _link(self, step: Step, source: str, to: str, n: int) -> Link:
        """A link record about the claim of user `to` on the anonymous id `source` with the number `n`."""
        app = self.rules.app
        return Link(step=step, app=app, id=link_id(app, source, to, n), source=source, to=to, n=n)

    def _send(self, link: Link, *, owner: str) -> None:
        """Sends a link record: to its partition, by way of the log; at once, where there is only one partition."""
        if self._local is not None:
            self._local.append(link)
        else:
            self._batch.links.append(LinkOut(link.key, write_link(link), owner))

    def _tell(self, link: Link, result: str) -> None:
        """One line of the identity topic."""
        claim_id = link_id(self.rules.app, link.source, link.to, link.n)
        self._batch.linked.append(Linked(claim_id, link.source, link.to, link.at_ms, link.why, result))

    def _tell_end(self, key: str, identity: Identity, at_ms: int) -> None:
        """The id is its own again, without a logout or another claim: who reads what it has become needs to know."""
        assert identity.moved_to is not None, "the id has not moved"
        n = identity.answered.get(identity.moved_to, 0)
        self._tell(replace(self._link("release", key, identity.moved_to, n), at_ms=at_ms), "ended")

    # ---- forgetting

    def _forget_key(self, key: str, profile: Profile, clock_ms: int) -> bool:
        """Forgets a key without a memory of its own, if no record about it can still come at this clock; else False.

        At its timer and before each of its records: where a batch ends plays no part.
        """
        if profile.waiting is not None or self._timer(profile) > clock_ms:
            return False
        identity = profile.identity
        if identity is not None and identity.moved_to is not None:
            self._moved -= 1
            self._tell_end(key, identity, self._timer(profile))
        self._leave(key, None)
        return True
