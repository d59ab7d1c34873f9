"""The keys of one person, as each of them remembers the others.

An anonymous id knows to which user it has moved, and which claims it has answered; a user knows which anonymous ids
they have claimed. State goes from an anonymous id to a user, never between users, so no chain of devices can join two
people.
"""

from typing import Final

import msgspec

from tables.message_ids import ENTRY_BYTES, HASH_BYTES, digest_of

DAY_MS: Final = 86_400_000
CLAIM_MS: Final = 30 * DAY_MS
"""A claim holds for so long; the next event with both ids after it claims anew."""
MOVED_KEPT_MS: Final = 37 * DAY_MS
"""A key that has moved is forgotten so long after its last claim or forwarded event: no claim can still refer to it."""

ASKED, GIVEN, REFUSED, LOST, RELEASED, SPLIT = "asked", "given", "refused", "lost", "released", "split"
GIVES_MAX: Final = 200
FOREVER_MS: Final = 2**47
"""After every instant, in six bytes."""
ERASED: Final = ""
"""No user has this name. So the format is that of the version before, which keeps the entry."""
SUPPRESSED: Final = "\x00"
"""No user has this name either."""
NEVER_MS: Final = -1
"""Before every instant."""
ERASED_MARK: Final = bytes(HASH_BYTES)
"""In `claimed`, in place of a hash: the instant behind it is that of the erasure."""


class Claim(msgspec.Struct, array_like=True, gc=False):
    """A user's claim on an anonymous id. `n`: its number, higher than those before. `at_ms`: of the event that made it.

    state: ASKED until the id has answered; GIVEN; REFUSED, and behind a colon the reason; LOST to another user;
    RELEASED by a logout; SPLIT for ever, by an administrator. why: what made the claim: identify, alias, seen, force.
    """

    n: int
    at_ms: int
    state: str
    why: str

    @property
    def is_refused(self) -> bool:
        """True if the id does not move."""
        return self.state.startswith(REFUSED)


class Identity(msgspec.Struct, array_like=True, gc=False):
    """Memory of one key about the person's other keys. Instants are milliseconds since the epoch.

    claims: of a user: anonymous id -> claim.
    answered: of an anonymous id: user -> number of their last claim; ERASED -> instant of the erasure of the key;
        SUPPRESSED: all its events are dropped; SUPPRESSED and the name of a key: that key, too, together with this one.
    moved_to, moved_at_ms: the user it has moved to, and the instant of the latest claim; None: it has not moved.
    used_ms: the last claim or forwarded event.
    hands: instants at which it went from one user to another.
    shared_until_ms: it went through too many hands, and moves to nobody until then.
    is_forced: an administrator has moved it; it may be a user.
    gives: what it was given, hash (8 bytes) and instant (6) each, so that none counts twice.
    """

    claims: dict[str, Claim]
    answered: dict[str, int]
    moved_to: str | None
    moved_at_ms: int
    used_ms: int
    hands: list[int]
    shared_until_ms: int
    is_forced: bool
    gives: bytearray

    @property
    def erased_ms(self) -> int:
        """An administrator has erased the key: events at or before this instant are dropped. NEVER_MS: not erased."""
        return FOREVER_MS if self.is_suppressed else self.answered.get(ERASED, NEVER_MS)

    @property
    def is_suppressed(self) -> bool:
        """True if an administrator wants no event of the key, until they say otherwise."""
        return SUPPRESSED in self.answered

    @property
    def suppressed_with(self) -> tuple[str, ...]:
        """Other keys of the person that were suppressed together with this one."""
        return tuple(name[1:] for name in self.answered if name.startswith(SUPPRESSED) and name != SUPPRESSED)


def new_identity() -> Identity:
    """The identity of a key that knows of no other."""
    return Identity({}, {}, None, -1, -1, [], -1, False, bytearray())


def remember_give(identity: Identity, give_id: str, now_ms: int) -> bool:
    """False if this give was taken before; else it is remembered for `CLAIM_MS`, the latest 200 at most."""
    digest, gives = digest_of(give_id.encode()), identity.gives
    if find(gives, digest) >= 0:
        return False
    while gives and (len(gives) >= GIVES_MAX * ENTRY_BYTES or _instant_ms(gives, 0) < now_ms - CLAIM_MS):
        del gives[:ENTRY_BYTES]
    gives += digest + max(now_ms, 0).to_bytes(6, "big")
    return True


def was_given(identity: Identity, give_id: str) -> bool:
    """True if this give was taken before."""
    return find(identity.gives, digest_of(give_id.encode())) >= 0


def find(entries: bytearray, digest: bytes) -> int:
    """The place of the entry with this hash; -1 if there is none."""
    at = entries.find(digest)
    while at >= 0 and at % ENTRY_BYTES:
        at = entries.find(digest, at + 1)
    return at


def is_claimed(links: bytearray | None, digest: bytes, t_ms: int) -> bool:
    """True if an id with this hash needs no claim by an event at `t_ms`: one holds, or was refused lately."""
    if not links or (at := find(links, digest)) < 0:
        return False
    return t_ms < _instant_ms(links, at) + CLAIM_MS


def claimed(identity: Identity) -> bytearray | None:
    """The hashes, each with its instant, of the ids that need no claim for 30 days: for the fast path.

    Before them, of a key that was erased, ERASED_MARK with the instant of that. None where there is none.
    """
    entries = bytearray()
    if identity.erased_ms > NEVER_MS:
        entries += ERASED_MARK + identity.erased_ms.to_bytes(6, "big")
    for anonymous_id, claim in identity.claims.items():
        if claim.state in (ASKED, GIVEN, SPLIT) or claim.is_refused:
            at_ms = FOREVER_MS if claim.state == SPLIT else max(claim.at_ms, 0)
            entries += digest_of(anonymous_id.encode()) + at_ms.to_bytes(6, "big")
    return entries or None


def kept_until_ms(identity: Identity) -> int:
    """The instant at which a key without events is forgotten."""
    return FOREVER_MS if identity.is_suppressed else identity.used_ms + MOVED_KEPT_MS


def forget_old_claims(identity: Identity, now_ms: int) -> None:
    """Drops claims that are over for so long that no record about them can still come."""
    claims = identity.claims
    for anonymous_id in [each for each, claim in claims.items() if is_old(claim, now_ms)]:
        del claims[anonymous_id]


def is_old(claim: Claim, now_ms: int) -> bool:
    """True if no record about the claim can still come."""
    return claim.state != SPLIT and claim.at_ms < now_ms - MOVED_KEPT_MS


def _instant_ms(entries: bytearray, at: int) -> int:
    return int.from_bytes(entries[at + HASH_BYTES : at + ENTRY_BYTES], "big")
