"""Fields in the changelog besides the profile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UserError
from app.runtime.records.envelope import (
    POSITION_KEY,
    Reached,
    StoredPosition,
    StoredProfile,
    decode_position,
    decode_profile,
    encode_position,
    encode_profile,
    is_further,
    plain_prefix,
    reached_of,
)

REACHED = st.builds(Reached, st.integers(0, 2**62), st.integers(-1, 2**62), st.integers(0, 2**62))


@given(REACHED, st.lists(st.binary(max_size=80), max_size=4), st.none() | st.binary(max_size=200))
def test_profiles_survive_their_encoding(reached: Reached, changes: list[bytes], profile: bytes | None) -> None:
    value = encode_profile(reached, changes, profile)
    found = decode_profile(value)
    assert (found.reached, list(found.changes), found.profile) == (reached, changes, profile)
    assert reached_of(value) == reached


@given(REACHED, st.binary(max_size=100))
def test_the_short_way_for_profiles_without_changes_is_the_same(reached: Reached, profile: bytes) -> None:
    assert plain_prefix(reached) + profile == encode_profile(reached, (), profile)


@given(REACHED, st.integers(-1, 2**62), st.integers(-1, 2**62), st.integers(0, 2**62), st.binary(max_size=50))
def test_positions_survive_their_encoding(
    reached: Reached, clock_ms: int, wall_ms: int, journal_offset: int, position: bytes
) -> None:
    stored = StoredPosition(reached, clock_ms, wall_ms, journal_offset, position)
    assert decode_position(encode_position(stored)) == stored


@given(st.text())
def test_no_user_has_the_key_of_the_position(user: str) -> None:
    assert user.encode(errors="surrogatepass") != POSITION_KEY


def test_an_idle_move_reaches_further_than_the_records_before_it() -> None:
    assert Reached(7, 100, 5) < Reached(7, 101, 1) < Reached(7, 101, 2) < Reached(8, 50, 0)


@pytest.mark.parametrize("value", [b"", b"\x03" + bytes(40)])
def test_a_format_of_another_version_is_told(value: bytes) -> None:
    with pytest.raises(UserError, match="holds format"):
        decode_profile(value)


def test_link_records_come_back_with_the_changes_of_their_profile() -> None:
    links = [("a-1", b"one"), ("u-2", b"two")]
    stored = StoredProfile(Reached(1, 1), [b"change"], b"profile", links)
    assert decode_profile(encode_profile(*stored)) == stored
    forgotten = StoredProfile(Reached(1, 1), [], None, links)
    assert decode_profile(encode_profile(*forgotten)) == forgotten
    assert encode_profile(Reached(1, 1), [b"change"], b"profile")[0] == 1, "the version before reads what has no links"


def test_a_forgotten_user_is_told_from_an_empty_profile() -> None:
    assert decode_profile(encode_profile(Reached(1, 1), (), None)) == StoredProfile(Reached(1, 1), [], None)
    assert decode_profile(encode_profile(Reached(1, 1), (), b"")).profile == b""


@given(REACHED, REACHED)
def test_what_has_come_further_is_told_by_the_bytes(one: Reached, other: Reached) -> None:
    values = [encode_profile(each, (), b"x") for each in (one, other)]
    assert is_further(values[0], values[1]) == (one >= other)


def test_a_value_of_another_format_is_refused_there_too() -> None:
    own = encode_profile(Reached(1, 1), (), b"x")
    for odd in (b"\x09" + own[1:], b""):
        with pytest.raises(UserError):
            is_further(odd, own)
