"""The visit: when it begins, goes on, is over."""

from typing import Any

from tables.session import EVENTS, LANDING, LAST, NUMBER, PAGES, SOURCE, START, merge, touch

GAP_MS = 1_800_000


def after(*events: int, pages: int = 0) -> tuple[list[Any], list[bool]]:
    """The visit after events at these times, and of each whether it was then the first."""
    session: list[Any] | None = None
    firsts = []
    for t in events:
        session, first = touch(session, t, pages=pages, gap_ms=GAP_MS)
        firsts.append(first)
    assert session is not None
    return session, firsts


def test_the_first_event_begins_the_first_visit() -> None:
    session, firsts = after(5, pages=1)
    assert session == [5, 5, 1, 1, 1, None, None]
    assert firsts == [True]


def test_an_event_just_before_the_gap_is_over_belongs_to_the_visit() -> None:
    session, firsts = after(5, 5 + GAP_MS - 1)
    assert (session[START], session[LAST], session[EVENTS], session[NUMBER]) == (5, 5 + GAP_MS - 1, 2, 1)
    assert firsts == [True, False]


def test_an_event_exactly_after_the_gap_begins_the_next_visit() -> None:
    session, firsts = after(5, 5 + GAP_MS, pages=1)
    assert (session[START], session[EVENTS], session[PAGES], session[NUMBER]) == (5 + GAP_MS, 1, 1, 2)
    assert firsts == [True, True]


def test_the_next_visit_has_no_source_and_landing_page_of_the_last_one() -> None:
    session, _ = touch([5, 5, 1, 1, 1, "google", "/"], 5 + GAP_MS, pages=0, gap_ms=GAP_MS)
    assert (session[SOURCE], session[LANDING]) == (None, None)


def test_an_older_event_less_than_the_gap_before_moves_the_beginning_back_and_is_first_now() -> None:
    session, firsts = after(GAP_MS, 1)
    assert (session[START], session[LAST], session[EVENTS]) == (1, GAP_MS, 2)
    assert firsts == [True, True]


def test_an_older_event_of_the_gap_or_more_before_is_part_of_no_visit() -> None:
    session, firsts = after(GAP_MS, 0, pages=1)
    assert (session[START], session[EVENTS], session[PAGES]) == (GAP_MS, 1, 1)
    assert firsts == [True, False]


def test_how_old_an_event_may_be_is_measured_from_the_beginning_not_from_the_end() -> None:
    session, _ = after(GAP_MS, GAP_MS + 5_000, 1)
    assert (session[START], session[EVENTS]) == (1, 3)


def test_an_event_within_the_visit_changes_neither_end() -> None:
    session, firsts = after(5, 100, 50)
    assert (session[START], session[LAST], session[EVENTS]) == (5, 100, 3)
    assert firsts == [True, False, False]


def test_an_event_at_the_instant_of_the_first_is_not_first() -> None:
    assert after(5, 5)[1] == [True, False]


# ---- two users who are one


def visit(start: int, last: int, *, number: int = 1, source: str) -> list[Any]:
    return [start, last, 1, 2, number, source, f"/{source}"]


def test_two_visits_with_less_than_the_gap_between_them_are_one_with_the_earlier_beginning() -> None:
    late, early = visit(100 + GAP_MS - 1, 200 + GAP_MS, number=3, source="u"), visit(50, 100, number=2, source="a")
    one = [50, 200 + GAP_MS, 2, 4, 4, "a", "/a"]
    assert merge(list(late), list(early), gap_ms=GAP_MS) == one
    assert merge(list(early), list(late), gap_ms=GAP_MS) == one


def test_of_two_visits_apart_the_later_stays_and_both_count() -> None:
    late, early = visit(100 + GAP_MS, 200 + GAP_MS, number=3, source="u"), visit(50, 100, number=2, source="a")
    later = [100 + GAP_MS, 200 + GAP_MS, 1, 2, 5, "u", "/u"]
    assert merge(list(late), list(early), gap_ms=GAP_MS) == later
    assert merge(list(early), list(late), gap_ms=GAP_MS) == later


def test_a_visit_within_the_other_is_part_of_it() -> None:
    within = visit(200, 300, source="a")
    assert merge(visit(100, 900, source="u"), within, gap_ms=GAP_MS) == [100, 900, 2, 4, 1, "u", "/u"]


def test_of_visits_that_begin_at_one_instant_the_users_source_stays() -> None:
    merged = merge(visit(100, 100, source="u"), visit(100, 900, source="a"), gap_ms=GAP_MS)
    assert merged is not None
    assert merged[SOURCE] == "u"


def test_one_visit_and_none_are_that_visit() -> None:
    assert merge(visit(1, 2, source="u"), None, gap_ms=GAP_MS) == visit(1, 2, source="u")
    assert merge(None, visit(1, 2, source="a"), gap_ms=GAP_MS) == visit(1, 2, source="a")
    assert merge(None, None, gap_ms=GAP_MS) is None
