"""Every mistake in the table gets exactly the message that stands there."""

import pytest

from tests.unit.segments.language.wrong_definitions import TABLE, Case, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_says_what_the_table_says(case: Case) -> None:
    assert case.said() == case.message


def test_every_case_is_wrong() -> None:
    assert not [case.title for case in CASES if not case.message]


def test_the_table_is_read_in_full() -> None:
    assert len(CASES) == TABLE.read_text(encoding="utf-8").count("\n### ") >= 60


def test_titles_are_unique() -> None:
    titles = [case.title for case in CASES]
    assert len(set(titles)) == len(titles)
