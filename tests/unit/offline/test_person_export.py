"""The keys and records of a person, without those that may be somebody else's."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pytest

from app.events.user_ids import UserIds
from app.offline.person_export import is_of, journal_part, keys_of, pretty, record_in_words
from app.runtime.records.journal import IdleMove, Unfired, decode_entry, encode_entry
from tables import identity as identities
from tables.identity import ASKED, ERASED, GIVEN, LOST, SUPPRESSED, Claim
from tables.profile import Profile, new_profile, waiting_profile

DEEP = b"[" * 5_000
ANN = frozenset({b"ann", b"a-1"})


def moved(to: str, *answered: str) -> Profile:
    """A key that has moved, and has answered others, too."""
    profile = waiting_profile(None)
    identity = identities.new_identity()
    identity.moved_to = to
    identity.answered.update(dict.fromkeys((to, *answered), 1))
    profile.know(identity)
    return profile


def user(**claims: str) -> Profile:
    """A user with claims: `a_1` is `a-1`."""
    profile = new_profile(0, 0)
    profile.identified = True
    identity = identities.new_identity()
    identity.claims.update({key.replace("_", "-"): Claim(1, 0, state, "seen") for key, state in claims.items()})
    profile.know(identity)
    return profile


async def found(**profiles: Profile) -> tuple[list[str], dict[str, str]]:
    """The keys of Ann, and those that are left out; `a_1` is `a-1`."""
    stored = {key.replace("_", "-"): profile for key, profile in profiles.items()}

    async def read(keys: Collection[str]) -> Mapping[str, Profile]:
        return {key: stored[key] for key in keys if key in stored}

    all_moved = {key: profile.moved_to for key, profile in stored.items() if profile.moved_to is not None}
    keys = await keys_of("ann", all_moved, read)
    return list(keys.profiles), {each.key: each.reason for each in keys.left_out}


async def test_a_person_has_what_has_moved_to_them_by_any_way_and_what_they_have_just_claimed() -> None:
    forced = user(a_2=GIVEN)
    assert forced.identity is not None
    forced.identity.moved_to = "ann"
    forced.identity.answered["ann"] = 1
    told = await found(
        ann=user(a_1=GIVEN, a_3=ASKED),
        a_1=moved("ann", ERASED, SUPPRESSED, f"{SUPPRESSED}a-9"),
        bea=forced,
        a_2=moved("bea"),
        a_3=waiting_profile(None),
    )
    assert told == (["ann", "a-1", "a-2", "a-3", "bea"], {})


async def test_a_key_that_somebody_else_has_claimed_is_left_out_with_the_reason() -> None:
    keys, left_out = await found(
        ann=user(a_1=GIVEN, a_2=GIVEN, a_3=GIVEN, a_4=LOST, ben=ASKED),
        a_1=moved("ann", "ben"),
        a_2=moved("ben"),
        ben=user(),
    )
    assert keys == ["ann"]
    assert left_out == {
        "a-1": "another user has claimed it, too",
        "a-2": "it belongs to another user",
        "a-3": "it is forgotten by now: whose its records are is unknown",
        "ben": "it belongs to another user",
    }


async def test_of_a_user_who_is_forgotten_the_key_itself_is_left() -> None:
    assert await found() == (["ann"], {})


@dataclass
class Record:
    key: bytes | None
    value: bytes | None
    offset: int = 3
    timestamp: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = (("h", b"\xff"), ("h", None))


def event(**ids: str) -> bytes:
    return json.dumps({"type": "page", **ids}).encode()


@pytest.mark.parametrize(
    ("key", "value", "is_theirs"),
    [
        (b"ann", None, True),
        (b"x", event(userId="ann"), True),
        (None, event(anonymousId="a-1"), True),
        (b"x", b'{"type":"page","userId":"\\u0061nn"}', True),
        (b"x", event(userId="ben", anonymousId="a-1"), False),
        (b"x", event(userId="ben", name="ann"), False),
        (b"x", b"ann, and no JSON", False),
        (None, None, False),
    ],
)
def test_a_record_is_of_whom_its_key_or_the_event_in_it_names(
    key: bytes | None, value: bytes | None, *, is_theirs: bool
) -> None:
    assert is_of(key, value, ANN, UserIds()) is is_theirs
    assert is_of(key, value, ANN, None) is (key in ANN)


def test_of_the_journal_a_person_gets_their_own_timers_only() -> None:
    part = journal_part(encode_entry(Unfired(7, 1, 0, (("ann", 5), ("ben", 6)))), {"ann"})
    assert part is not None
    assert decode_entry(part) == Unfired(7, 1, 0, (("ann", 5),))
    assert journal_part(encode_entry(Unfired(7, 1, 0, (("ben", 6),))), {"ann"}) is None
    assert journal_part(encode_entry(IdleMove(7, 5)), {"ann"}) is None
    assert journal_part(b"ann", {"ann"}) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"\xff", "base64:/w=="),
        (b"text", "text"),
        (None, None),
        (b'"\xff"', "base64:Iv8i"),
        (b"[" * 5_000, "[" * 5_000),
    ],
)
def test_a_value_that_is_no_json_is_told_as_text_or_bytes(value: bytes | None, told: str | None) -> None:
    record = record_in_words("t", 0, Record(b"ann", value), value)
    assert record["value"] == told
    assert record["headers"] == [["h", "base64:/w=="], ["h", None]]


@pytest.mark.parametrize("depth", range(990, 1_001))
def test_a_value_that_is_nested_as_deep_as_json_may_be_is_exported(depth: int) -> None:
    value = b"[" * depth + b"]" * depth
    told = pretty(record_in_words("t", 0, Record(b"ann", value), value))
    assert b"".join(told.split()).count(b"[" * 900) == 1


def test_json_stays_as_it_came_but_for_characters_that_a_terminal_acts_on() -> None:
    value = '{"n": 1.50, "text": "\u202eann"}'.encode()
    assert b'{\n    "n": 1.50,\n    "text": "\\u202eann"' in pretty(record_in_words("t", 0, Record(None, value), value))
