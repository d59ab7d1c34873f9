"""A guess names what was meant, or there is none."""

import pytest

from app.segments.language.names import FIELDS, FUNCTIONS
from app.segments.language.suggestions import closest


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("middle", FUNCTIONS),
        ("minute", FUNCTIONS),
        ("time_of_month", FUNCTIONS),
        ("frequency", (*FUNCTIONS, "sequence")),
        ("while", FUNCTIONS),
        ("phone", FIELDS["user"]),
        ("age", FIELDS["session"]),
    ],
)
def test_what_is_merely_similar_is_no_guess(word: str, known: tuple[str, ...]) -> None:
    assert closest(word, known) is None


@pytest.mark.parametrize("known", [FUNCTIONS, *FIELDS.values()], ids=["functions", *FIELDS])
def test_two_swapped_letters_are_understood(known: tuple[str, ...]) -> None:
    for name in (name for name in known if len(name) > 2):
        for at in range(len(name) - 1):
            slip = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
            assert closest(slip, known) in (name, name.removesuffix("s"))  # month, months


def test_case_and_separators_do_not_count() -> None:
    assert closest("Landing-Page", FIELDS["session"]) == "landing_page"
    assert closest("firstSeen", FIELDS["user"]) == "first_seen"
