"""The keys of a person who is to be erased."""

from app.offline.person_keys import claimed_by, is_persons, keys_behind
from tables import profile as profiles
from tables.identity import Claim, new_identity
from tables.profile import Profile


def known(*, moved_to: str | None = None, identified: bool = False, **states: str) -> Profile:
    """The profile of a key with claims in these states."""
    profile = profiles.new_profile(0, 0)
    identity = new_identity()
    identity.moved_to = moved_to
    identity.claims = {name: Claim(1, 1, state, "seen") for name, state in states.items()}
    profile.know(identity)
    profile.identified = identified
    return profile


def test_keys_that_have_moved_by_way_of_others_are_found_and_a_circle_ends() -> None:
    moved = {"a": "u", "b": "a", "c": "w", "u": "b"}
    assert keys_behind("u", moved) == {"a": "u", "b": "a"}


def test_claims_that_hold_count_and_others_do_not() -> None:
    persons = {
        "u": known(a="asked", b="given", c="lost", d="released", e="refused:shared", f="split"),
        "v": known(g="given"),
    }
    assert claimed_by(persons, ["u", "v", "b"]) == {"a": "u", "g": "v"}


def test_a_claimed_key_of_another_or_that_is_a_user_is_not_the_persons() -> None:
    assert is_persons(None, "u")
    assert is_persons(known(), "u")
    assert is_persons(known(moved_to="u", identified=True), "u"), "moved by force"
    assert not is_persons(known(moved_to="w"), "u")
    assert not is_persons(known(identified=True), "u")
