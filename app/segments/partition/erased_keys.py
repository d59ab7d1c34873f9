"""Keys of people who are erased: nothing is left of them but the instant of the erasure.

Theory of operation. A command writes one control record for each key of the person, in one transaction. At its place in
the log the key leaves every segment, and all that is remembered of it goes: its profile, events that wait, what it
knows of other keys. What was on its way must not bring it back:

1. An event at or before the instant of the erasure, or of the latest event that the key had, is dropped: a repeat, a
   late one, one that an id has forwarded.
2. So is a give that answers a claim from before it, and a claim by such an event: the id is told that it is lost.
3. An id that the user has claimed after the command has read the log, or shortly before, is erased by a link record
   behind the claim.

A later event begins a new user, unless the key is suppressed: then every event is dropped, and no static list takes the
key, until a control record ends that; the user's key remembers which other keys were suppressed with it. The instant
is kept as long as a record from before it can still come, like the memory of a key that has moved.

The end of an erasure is found without any memory of it: a *finish* record goes from the user to each key in turn, and
back. The control records of all keys stand in the logs before that of the user can be read, and the link records of 3
are sent before the finish; so each key has passed its own erasure when the finish has come to it.

What may live here: what control records of an erasure do. What may not: who the keys are.
"""

from collections.abc import Iterable
from dataclasses import replace as replace_step

from msgspec.structs import replace

from app.events.control_record import Control
from app.events.link_record import SUPPRESS, Link
from app.events.message import times_of
from app.segments.evaluation.batch import ErasureStep, RecordLike
from app.segments.evaluation.change import Cause
from app.segments.partition.linked_keys import LinkedKeys
from tables import identity as identities
from tables import profile as profiles
from tables import waiting
from tables.counted import ERASED_DROPPED
from tables.identity import ASKED, ERASED, GIVEN, NEVER_MS, SUPPRESSED, Identity
from tables.profile import Profile


class ErasedKeys(LinkedKeys):
    """Users with the other keys of the same person, who can be erased."""

    def _apply_link(self, link: Link, record: RecordLike) -> None:
        if link.step == "erase":
            self._take_erase(link)
        elif link.step == "finish":
            self._take_finish(link)
        elif link.step == "ask" and link.at_ms <= self._erased_ms(link.source):
            self._batch.counted[ERASED_DROPPED] += 1
            self._send(self._link("lost", link.source, link.to, link.n), owner=link.source)
        elif self._is_sent_before(link):
            self._batch.counted[ERASED_DROPPED] += 1
        else:
            super()._apply_link(link, record)

    def _erased_ms(self, key: str) -> int:
        """The instant of the erasure of a key, before a record about it; NEVER_MS for none."""
        profile = self._known(key)
        return NEVER_MS if profile is None else self._erased_of(profile, self.clock_ms)

    def _erased_of(self, profile: Profile, clock_ms: int) -> int:
        """The instant of the erasure; NEVER_MS also for who is forgotten by now, wherever a batch ends."""
        identity = profile.identity
        if identity is None or (profile.begun and clock_ms >= profile.highest_ms + self.rules.retention_ms):
            return NEVER_MS
        return identity.erased_ms

    def _is_sent_before(self, link: Link) -> bool:
        """True for what has come from an id, and is from before the erasure of the user."""
        if link.step == "forward":
            return self._is_forwarded_before(link)
        return link.step == "give" and self._is_given_before(link)

    def _is_forwarded_before(self, link: Link) -> bool:
        """True for an event from before the erasure, also where the key has moved to another since."""
        erased_ms = self._erased_ms(link.to)
        if erased_ms == NEVER_MS:
            return False
        message = self.program.decoder.decode(link.event.encode())
        if times_of(message, link.record_ms)[0] > erased_ms:
            return False
        self._pass_clock(link, message)
        return True

    def _is_given_before(self, link: Link) -> bool:
        """True for a give that answers a claim from before the erasure. A claim since then is remembered: that of a
        merge by force counts whatever the clock of its command was."""
        if link.at_ms > self._erased_ms(link.to):
            return False
        profile = self._touched[link.to]
        assert profile.identity is not None, "erased, without the instant of it"
        claim = profile.identity.claims.get(link.source)
        return claim is None or claim.n != link.n

    def _take_erase(self, link: Link) -> None:
        """The user of an id is erased: the id too, if it is theirs and not erased by the same command."""
        profile = self._known(link.source)
        if profile is None or profile.moved_to != link.to or self._erased_ms(link.source) >= link.at_ms:
            return
        step = ErasureStep(id=link.id, user=link.asker or link.to, at_ms=link.at_ms, result="erased", key=link.source)
        self._erase(profile, replace_step(step, suppressed=link.why == SUPPRESS))

    def _take_finish(self, link: Link) -> None:
        """All that came before it is over at this key: it goes on, and after the last key back to the user."""
        if link.to != link.source:
            at = link.n + 1
            to = link.path[at] if at < len(link.path) else link.source
            self._send(replace(link, to=to, n=at), owner=link.to)
            return
        keys = (link.source, *link.path)
        step = ErasureStep(id=link.id, user=link.source, at_ms=link.at_ms, result="finished", keys=keys)
        self._batch.erasures.append(step)

    def _take_erasure(self, control: Control, profile: Profile | None) -> None:
        """The control record of an erasure. A key that has moved to another user meanwhile is not the person's."""
        key = control.source
        if profile is None:
            profile = self._hold_key(key)
        step = ErasureStep(id=control.id, user=control.user or control.to, at_ms=control.at_ms, result="elsewhere")
        step = replace_step(step, suppressed=control.suppress)
        if control.keys:
            self._batch.erasures.append(replace_step(step, result="requested", keys=control.keys))
        step = replace_step(step, key=key)
        claimed: list[str] = []
        if profile.moved_to in (None, control.to):
            claimed = self._erase(profile, replace_step(step, result="erased"), others=control.keys[1:])
        else:
            self._batch.erasures.append(replace_step(step, suppressed=False))
        if control.keys:
            path = tuple(dict.fromkeys((*control.keys[1:], *claimed)))
            finish = Link(step="finish", app=control.app, id=control.id, source=key, to=(*path, key)[0])
            finish = replace(finish, at_ms=control.at_ms, path=path)
            if path:
                self._send(finish, owner=key)
            else:
                self._take_finish(finish)

    def _take_unsuppression(self, control: Control, profile: Profile | None) -> None:
        """The control record that ends a suppression: what is older is still dropped."""
        identity = None if profile is None else profile.identity
        if profile is None or identity is None or not identity.is_suppressed:
            return
        for name in [each for each in identity.answered if each.startswith(SUPPRESSED)]:
            del identity.answered[name]
        identity.answered[ERASED] = max(control.at_ms, identity.erased_ms)
        identity.used_ms = max(identity.used_ms, self.clock_ms, identity.erased_ms)
        profile.know(identity)
        step = ErasureStep(id=control.id, user=control.user or control.to, at_ms=control.at_ms, result="unsuppressed")
        self._batch.erasures.append(replace_step(step, key=control.source))

    def _erase(self, profile: Profile, step: ErasureStep, *, others: Iterable[str] = ()) -> list[str]:
        """Nothing is left but the instant, and the number of the next change: readers never see it go back. Returns the
        ids that are erased behind a claim. `others`: keys that the command erases, too."""
        key, at_ms = step.key, step.at_ms
        assert key is not None, "an erasure of no key"
        before = {} if profile.identity is None else profile.identity.answered
        suppressed = {name for name in before if name.startswith(SUPPRESSED)}
        now = max(self.clock_ms, profile.highest_ms, profile.fired_ms)
        known: Profile | None = profile
        self._settlement.user = key
        if profile.begun:
            known = self._fire(key, profile, now)
        if known is None:
            known = self._touched.get(key) or self._hold_key(key)
        erased_ms = max(at_ms, profile.highest_ms, _latest_ms(known))
        told = len(self._batch.changes)
        if known.begun:
            self._settlement.name(Cause("erased"))
            self._settlement.leave_everything(known, now)
        left_now = tuple(change.segment for change in self._batch.changes[told:])
        identity = known.identity or identities.new_identity()
        if identity.moved_to is not None:
            self._moved -= 1
            self._tell_end(key, identity, now)
        claimed = self._erase_claimed(key, identity, step, erased_ms)
        self._touched[key] = left = profiles.waiting_profile(None)
        self._gone.discard(key)
        left.sequence = max(profile.sequence, known.sequence)
        rest = identities.new_identity()
        rest.answered[ERASED] = erased_ms
        if step.suppressed:
            suppressed |= {SUPPRESSED, *(f"{SUPPRESSED}{each}" for each in (*others, *claimed))}
        rest.answered |= dict.fromkeys(sorted(suppressed), 0)
        rest.used_ms = max(self.clock_ms, erased_ms)
        left.know(rest)
        step = replace_step(step, suppressed=rest.is_suppressed)
        self._batch.erasures.append(replace_step(step, until_ms=erased_ms, left=left_now))
        return claimed

    def _erase_claimed(self, key: str, identity: Identity, step: ErasureStep, erased_ms: int) -> list[str]:
        """Erases the ids that a key has claimed, each behind its claim. Returns them."""
        found = []
        for source, claim in identity.claims.items():
            # Of an older claim is nothing left but where a list keeps the id's memory: the command knows such an id.
            if claim.state in (ASKED, GIVEN) and not identities.is_old(claim, erased_ms):
                link = replace(self._link("erase", source, key, claim.n), id=step.id, asker=step.user)
                why = SUPPRESS if step.suppressed else ""
                self._send(replace(link, at_ms=step.at_ms, why=why), owner=key)
                found.append(source)
        return found


def _latest_ms(profile: Profile) -> int:
    """The latest event or claim of a key, or its erasure before."""
    latest_ms = NEVER_MS if profile.waiting is None else waiting.last_ms(profile.waiting)
    if profile.identity is not None:
        claims = (claim.at_ms for claim in profile.identity.claims.values())
        latest_ms = max(latest_ms, profile.identity.answered.get(ERASED, NEVER_MS), *claims)
    return latest_ms
