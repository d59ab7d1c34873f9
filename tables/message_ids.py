"""Ids of the messages of the last day: a blob of 14 bytes each, hash (8) and instant of acceptance (6).

In order of acceptance, whose instants never fall; so a look from the end finds the latest first.
"""

from bisect import bisect_left
from functools import partial
from itertools import chain
from operator import itemgetter
from struct import Struct

from xxhash import xxh3_64_digest

from tables.counted import MESSAGE_ID_DROPPED, Counted

digest_of = xxh3_64_digest  # of the bytes of an id

HASH_BYTES = 8
INSTANT_BYTES = 6
ENTRY_BYTES = HASH_BYTES + INSTANT_BYTES
IDS_MAX = 1_000
KEPT_MS = 86_400_000
SWEEP_BYTES = 8 * ENTRY_BYTES
FULL_BYTES = IDS_MAX * ENTRY_BYTES
_ALL_BITS = (1 << (8 * HASH_BYTES)) - 1
_entries = Struct(f"{HASH_BYTES}s{INSTANT_BYTES}s").iter_unpack  # (hash, instant) of each


def entry_hash(message_id: str) -> bytes:
    """8 bytes that stand for the id."""
    return digest_of(message_id.encode(errors="replace"))


def known(ids: bytearray, digest: bytes, now: int) -> bool:
    """True if a message with this hash was accepted not more than 24 h before `now`."""
    at = ids.rfind(digest)
    while at >= 0:
        if at % ENTRY_BYTES == 0:
            return now - int.from_bytes(ids[at + HASH_BYTES : at + ENTRY_BYTES], "big") <= KEPT_MS
        at = ids.rfind(digest, 0, at + 7)
    return False


def remember(ids: bytearray, digest: bytes, now: int, counted: Counted) -> None:
    """One more, in place; what is older than a day, or beyond the last 1,000, goes (the old at every eighth only)."""
    ids += digest + now.to_bytes(INSTANT_BYTES, "big")
    if len(ids) % SWEEP_BYTES == 0 or len(ids) > FULL_BYTES:
        sweep(ids, now, counted)


def forget(ids: bytearray, digest: bytes) -> None:
    """Takes an id out, in place: its message may count here once more."""
    for each in (digest, _inverted(digest)):
        at = ids.rfind(each)
        while at >= 0:
            if at % ENTRY_BYTES == 0:
                del ids[at : at + ENTRY_BYTES]
            at = ids.rfind(each, 0, at + HASH_BYTES - 1)


def remember_passed(ids: bytearray, digest: bytes, now: int, counted: Counted) -> None:
    """As `remember`, of a message that counts elsewhere: a second entry, its hash inverted, says so."""
    remember(ids, digest, now, counted)
    remember(ids, _inverted(digest), now, counted)


def own(ids: bytearray) -> bytearray:
    """Those whose messages count here."""
    found = {digest for digest, _ in _entries(ids)}
    passed = {digest for digest in found if _inverted(digest) in found}
    if not passed:
        return bytearray(ids)
    return bytearray().join(digest + at for digest, at in _entries(ids) if digest not in passed)


def _inverted(digest: bytes) -> bytes:
    return (int.from_bytes(digest, "big") ^ _ALL_BITS).to_bytes(HASH_BYTES, "big")


def merge(ids: bytearray, other: bytearray, now: int, counted: Counted) -> bytearray:
    """The ids of two users who are one, none twice; instants that lie after `now` become `now`."""
    latest: dict[bytes, bytes] = dict(_entries(ids))  # of one there twice the later counts
    for digest, at in _entries(other):  # instants compare as their bytes do
        if at > latest.get(digest, b""):
            latest[digest] = at
    now_bytes = now.to_bytes(INSTANT_BYTES, "big")
    if max(ids[-INSTANT_BYTES:], other[-INSTANT_BYTES:]) > now_bytes:
        latest = {digest: min(at, now_bytes) for digest, at in latest.items()}
    in_order = sorted(latest.items(), key=itemgetter(1))
    union = bytearray().join(chain.from_iterable(in_order))
    sweep(union, now, counted)
    return union


def sweep(ids: bytearray, now: int, counted: Counted) -> None:
    """Drops ids that are older than a day, or beyond the last 1,000."""
    entries = len(ids) // ENTRY_BYTES
    drop = max(0, entries - IDS_MAX)
    oldest = now - KEPT_MS
    if drop and _instant(ids, drop - 1) >= oldest:
        counted[MESSAGE_ID_DROPPED] += drop - bisect_left(range(drop), oldest, key=partial(_instant, ids))
    if _instant(ids, drop) < oldest:  # the next one, too
        drop = bisect_left(range(entries), oldest, drop, key=partial(_instant, ids))
    if drop:
        del ids[: drop * ENTRY_BYTES]


def _instant(ids: bytearray, entry: int) -> int:
    at = entry * ENTRY_BYTES
    return int.from_bytes(ids[at + HASH_BYTES : at + ENTRY_BYTES], "big")
