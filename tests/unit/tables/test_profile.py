"""Encoded profiles: formats of this and other versions, and fields that are read without decoding."""

from typing import Any

import msgspec
import pytest

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY, read_catalog_entry, read_position
from tables import profile as profiles
from tables.formats import DamagedError, UnknownFormatError
from tables.profile import FORMAT, FORMAT_OF_ONE_KEY, HEADER_BYTES, OLDER, Profile, decode, encode, new_profile
from tests.unit.tables import golden_profiles
from tests.unit.tables.golden_profiles import RULES, Golden, changes_of

T = 1_767_600_000_000
FILES = golden_profiles.files()


def a_profile() -> Profile:
    profile = new_profile(T, T + 5)
    profile.aggregates[7] = [T]
    profile.members[1] = [1, T, 1, None, None, {"value": 2.5}]
    profile.members[2] = [0, T, 1, None, T, None]
    profile.members[3] = [1, T, 2, None, None, None]
    profile.due[1] = T + 60_000
    return profile


def as_format(number: Any, profile: Profile, *more: Any) -> bytes:
    """A profile as another version would write it, with more fields."""
    fields = [number, *msgspec.to_builtins(profile)[1:], *more]
    fields[-4 - len(more)] = b""
    return encode(profile, T, 1)[:HEADER_BYTES] + msgspec.msgpack.encode(fields)


def test_what_was_encoded_is_decoded() -> None:
    profile = a_profile()
    assert decode(encode(profile, T, 1)) == profile


def test_timer_epoch_and_memberships_are_read_without_decoding() -> None:
    encoded = encode(a_profile(), T + 60_000, 4_294_967_295)
    assert profiles.timer_of(encoded) == T + 60_000
    assert profiles.epoch_of(encoded) == 4_294_967_295
    assert profiles.inside_of(encoded) == [1, 3]


def test_the_timer_is_the_earliest_of_all_and_at_the_latest_when_the_user_is_forgotten() -> None:
    profile = a_profile()
    assert profile.timer(400) == T + 400
    assert profile.timer(90_000) == T + 60_000
    profile.due.clear()
    assert profile.timer(90_000) == T + 90_000


def test_a_user_begins_with_the_instant_as_sequence() -> None:
    assert new_profile(T - 10, T).sequence == T


@pytest.mark.parametrize("more", [(), ("a field that is not known here",)])
@pytest.mark.parametrize("read", [decode, profiles.inside_of])
def test_a_newer_format_is_refused_with_what_to_do(read: Any, more: tuple[str, ...]) -> None:
    with pytest.raises(UnknownFormatError) as raised:
        read(as_format(FORMAT + 1, a_profile(), *more))
    assert str(raised.value) == (
        f"a profile of format {FORMAT + 1}, but this version knows none above {FORMAT}: "
        "start the version that wrote it, or delete the state and replay"
    )


@pytest.mark.parametrize("read", [decode, profiles.inside_of])
def test_a_newer_format_of_other_fields_is_refused_all_the_same(read: Any) -> None:
    body = msgspec.msgpack.encode([FORMAT + 1, "quite", {"other": "fields"}])
    with pytest.raises(UnknownFormatError, match=f"a profile of format {FORMAT + 1}, but"):
        read(bytes(HEADER_BYTES) + body)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02", b"\xa5hello", b"\x91\xa1x"])
@pytest.mark.parametrize("read", [decode, profiles.inside_of])
def test_what_is_no_profile_is_an_error_of_its_own(read: Any, body: bytes) -> None:
    with pytest.raises(DamagedError, match="a profile cannot be read"):
        read(bytes(HEADER_BYTES) + body)


def test_an_older_format_is_read_by_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_watched(fields: list[Any]) -> Profile:
        return msgspec.convert([FORMAT_OF_ONE_KEY, *fields[1:], bytearray(), 0], Profile)

    profile = a_profile()
    old = [0, *msgspec.to_builtins(profile)[1:-5]]
    encoded = bytes(HEADER_BYTES) + msgspec.msgpack.encode(old)
    with pytest.raises(UnknownFormatError, match="a profile of format 0, which"):
        decode(encoded)
    monkeypatch.setitem(OLDER, 0, without_watched)
    assert decode(encoded) == profile
    assert profiles.inside_of(encoded) == [1, 3]


def test_there_is_a_reader_and_a_file_for_each_format_so_far() -> None:
    assert sorted({*OLDER, FORMAT_OF_ONE_KEY}) == list(range(1, FORMAT))
    assert [Golden(path).format for path in FILES] == list(range(1, FORMAT + 1))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_users_of_each_format_go_on_as_they_would_have(path: Any) -> None:
    golden = Golden(path)
    partition = golden.restored()
    assert partition.users == len(golden.profiles) - (CATALOG_KEY in golden.profiles)
    assert changes_of(partition, golden.rest) == golden.changes


def test_users_that_were_never_written_down_go_on_the_same() -> None:
    golden = Golden(FILES[-1])
    partition = Partition(compile_catalog(load_catalog(golden.definitions), RULES), RULES, alone=True)
    records = golden_profiles.records()
    partition.process(records[: golden.next_offset])
    assert changes_of(partition, records[golden.next_offset :]) == golden.changes


@pytest.mark.parametrize("path", FILES[1:], ids=lambda path: path.stem)
def test_a_profile_of_one_key_or_of_several_is_written_as_it_was(path: Any) -> None:
    golden = Golden(path)
    for user, encoded in golden.profiles.items():
        if user != CATALOG_KEY:
            timer, epoch = profiles.timer_of(encoded), profiles.epoch_of(encoded)
            assert encode(decode(encoded), timer, epoch) == encoded


def test_the_file_has_something_of_every_kind() -> None:
    golden = Golden(FILES[-1])
    program = compile_catalog(load_catalog(golden.definitions), RULES)
    decoded = [decode(encoded) for user, encoded in golden.profiles.items() if user != CATALOG_KEY]
    assert any(profile.aggregates.keys() == program.remembered.keys() for profile in decoded)
    kinds = {type(what.kind).__name__ for what in program.remembered.values()}
    assert kinds == {
        *("Latest", "LatestN", "Running", "RunningNumber", "Numbers", "First", "FirstEver", "Last"),
        *("Distinct", "Tally", "RunningTally", "Decay"),
    }
    assert any(what.matched is not None for what in program.remembered.values())
    for field in ("session", "cart", "leaves", "message_ids", "watched", "due", "members"):
        assert any(getattr(profile, field) for profile in decoded), field
    assert any(decode(each).waiting for user, each in Golden(FILES[1]).profiles.items() if user != CATALOG_KEY)
    assert any(profile.identity and profile.links for profile in decoded)
    assert any(profile.moved_to for profile in decoded)


@pytest.mark.parametrize("read", [read_position, read_catalog_entry])
def test_a_newer_position_or_catalog_is_refused_too(read: Any) -> None:
    with pytest.raises(UnknownFormatError, match="of format 9, but this version knows none above 1"):
        read(msgspec.msgpack.encode([9, 1, "x", 3]))
