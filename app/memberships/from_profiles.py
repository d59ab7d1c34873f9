"""Memberships as the profiles' changelog has them: for when the topic of changes does not go back far enough."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.memberships.redis_updates import Standing, entry
from app.runtime.kafka.log_reader import LogReader
from app.runtime.kafka.log_readers import whole
from app.runtime.records.envelope import POSITION_KEY, Reached, decode_profile
from app.runtime.redis_keys import field_of
from app.segments.language.names import model_of
from app.segments.partition.position import CATALOG_KEY, CatalogEntry, read_catalog_entry
from tables import profile as profiles
from tables.by_value import MEMBER, keys_inside, state_id
from tables.profile import INSIDE, Membership
from tables.values import Scalar, key_value

RECORDS_A_SLICE = 5_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    reached: Reached
    sequence: int
    timer_ms: int
    members: Sequence[tuple[int, Scalar | None, Membership]]
    moved_to: str | None


async def read_redirects(changelog: LogReader) -> list[tuple[str, str]]:
    """Returns the keys of a partition that have moved, each with its user, from the profiles."""
    kept, _ = await _read(changelog)
    return [(key.decode(), each.moved_to) for key, each in kept.items() if each.moved_to is not None]


async def read_standings(changelog: LogReader) -> list[Standing]:
    """Returns the memberships of every user of a partition, from the profiles up to the changelog's end.

    Users who are in nothing are left out. `valid_until` is that of the profile: nothing changes before it without a
    new event, though a change may tell a later instant.
    """
    kept, catalog = await _read(changelog)
    return [] if catalog is None else [_standing(user.decode(), each, catalog) for user, each in kept.items()]


async def _read(changelog: LogReader) -> tuple[dict[bytes, _Kept], CatalogEntry | None]:
    """All profiles of a partition up to the changelog's end, and the catalog they were last evaluated under."""
    kept: dict[bytes, _Kept] = {}
    catalog: CatalogEntry | None = None
    async for records in whole(changelog, records_max=RECORDS_A_SLICE):
        for record in records:
            if record.key == POSITION_KEY:
                continue
            if record.value is None:
                kept.pop(record.key, None)
                continue
            stored = decode_profile(record.value)
            if record.key == CATALOG_KEY.encode():
                if stored.profile is not None:
                    catalog = read_catalog_entry(stored.profile)
                continue
            known = kept.get(record.key)
            if known is not None and known.reached > stored.reached:
                continue
            if stored.profile is None:
                kept.pop(record.key, None)
            else:
                kept[record.key] = _kept(stored.reached, stored.profile)
    return kept, catalog


def _kept(reached: Reached, encoded: bytes) -> _Kept:
    profile = profiles.decode(encoded)
    inside: list[tuple[int, Scalar | None, Membership]] = []
    for own, member in profile.members.items():
        if member[INSIDE]:
            state = profile.aggregates.get(state_id(own), {})
            keys = keys_inside(profile, own)
            inside += [(own, key_value(key), state[key][MEMBER]) for key in keys] or [(own, None, member)]
    return _Kept(reached, profile.sequence - 1, profiles.timer_of(encoded), inside, profile.moved_to)


def _standing(user: str, kept: _Kept, catalog: CatalogEntry) -> Standing:
    entries = []
    for own, value, member in kept.members:
        if own not in catalog.segments or model_of(catalog.segments[own][0]) is not None:
            continue
        name, version, _ = catalog.segments[own]
        told = entry(member, valid_until_ms=kept.timer_ms, version=version, sequence=kept.sequence)
        entries.append((field_of(name, value), told))
    return Standing(user, kept.sequence, entries)
