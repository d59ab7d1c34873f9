"""Ids of users from files: CSV with a header, one a line, and rows that name nobody."""

import pytest

from app.errors import UserError
from app.events.user_ids import BLOCKED_IDS, UserIds, blocked_ids
from app.lists.list_file import Skipped, ids_of_csv, ids_of_lines, text_lines

IDS = UserIds(blocked_ids(",".join(BLOCKED_IDS)))


def of_csv(text: str, column: str | None = None) -> tuple[list[str], Skipped]:
    skipped = Skipped()
    return list(ids_of_csv(text_lines(text.encode()), column, IDS, skipped)), skipped


def test_one_id_a_line_without_blanks_around_it() -> None:
    skipped = Skipped()
    lines = text_lines(b"\xef\xbb\xbfann\r\n\n  bob \nundefined\n")
    assert list(ids_of_lines(lines, IDS, skipped)) == ["ann", "bob"]
    assert skipped.examples == ["line 4: undefined: names nobody"]


@pytest.mark.parametrize("header", ["userId", "user_id", "anonymousId", "id"])
def test_the_column_with_a_usual_name_holds_the_ids(header: str) -> None:
    assert of_csv(f'name,{header}\n"Smith, Ann",ann\nBob,bob\n')[0] == ["ann", "bob"]


def test_a_column_can_be_named() -> None:
    assert of_csv("customer,id\nann,7\n", "customer")[0] == ["ann"]


@pytest.mark.parametrize(
    ("text", "column", "said", "hint"),
    [
        ("a,b\n1,2\n", None, "no column has a usual name for ids", "name one with --column: a, b"),
        ("ann\nbob\n", None, "the only column is called 'ann'", "name it with --column"),
        ("a,b\n1,2\n", "c", "there is no column 'c'", "the columns are a, b"),
        ("", None, "the file is empty", "a header first, then one row a user"),
        ("\nid\nann\n", None, "line 1 is blank", "the names of the columns in the first line"),
        ("userId;name\nann;1\n", None, "';' separates the columns", "save the file with commas"),
        ("userId;name\nann;1\n", "userId", "';' separates the columns", "save the file with commas"),
        ("userId;name\nann;1\n", "userId;name", "';' separates the columns", "save the file with commas"),
        ("mail\tname\nann\t1\n", None, "a tab separates the columns", "save the file with commas"),
        ("mail|name\nann|1\n", None, "'|' separates the columns", "save the file with commas"),
        ('id\n"ann\n', None, "line 2 is no CSV", "quotes within a value are doubled"),
    ],
)
def test_a_csv_without_a_column_of_ids_is_refused(text: str, column: str | None, said: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        of_csv(text, column)
    assert said in str(error.value)
    assert hint in (error.value.hint or "")


def test_rows_that_name_nobody_are_skipped_and_told_with_their_lines() -> None:
    found, skipped = of_csv("id,n\nann,1\n,2\nnull,3\n" + "x" * 300 + ",4\n\x1b[31m0,5\nbob,6\n")
    assert found == ["ann", "\x1b[31m0", "bob"]
    assert skipped.reasons.total() == 3
    assert skipped.examples[0] == "line 3: : empty"


def test_a_file_that_is_not_utf_8_is_refused_with_the_line() -> None:
    with pytest.raises(UserError, match="line 2 is not UTF-8"):
        text_lines(b"id\n\xff\n")
