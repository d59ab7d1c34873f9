"""Definitions that break the time rules or the size limit of a profile are refused, with place and remedy."""

import re
from pathlib import Path

import pytest

from app.catalogs.definitions_folder import load_segments
from app.errors import UserError
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.problem import CatalogError, Problem
from app.segments.evaluation.time_rules import DAY_MS, TimeRules
from app.segments.review.catalog_limits import check_catalog
from app.segments.review.footprint import PROFILE_BYTES_MAX, footprints, profile_size
from tools.docs_pages import ROOT, definitions

RULES = TimeRules()


def problems(files: dict[str, str], rules: TimeRules = RULES) -> list[Problem]:
    try:
        check_catalog(load_catalog(files), rules)
    except CatalogError as error:
        return error.problems
    return []


def of(when: str, more: str = "", rules: TimeRules = RULES) -> list[str]:
    """Returns the problems of a condition, without the path."""
    found = problems({"s.yaml": f"segment: s\nwhen: {when}\n{more}"}, rules)
    return [str(problem).removeprefix("s.yaml:") for problem in found]


@pytest.mark.parametrize(
    "when",
    [
        "exists(page within 401d)",
        "count(page where name = 'a' per path within 401d) > 3",
        "key(count(page per path within 401d)) = '/'",
        "exists(sequence(page then screen within 401d))",
        "exists(sequence(page then no screen for 401d))",
        "never(page) or since('A' since last sequence(page then screen within 401d)) > 1d",
    ],
)
def test_a_window_longer_than_users_are_remembered_is_an_error(when: str) -> None:
    (found,) = of(when)
    assert "401d is longer than users are remembered" in found
    assert of(when.replace("401d", "400d")) == []
    assert of(when, rules=TimeRules(retention_ms=401 * DAY_MS)) == []


@pytest.mark.parametrize("function", ["entered", "left"])
def test_to_look_back_at_a_segment_for_longer_than_users_are_remembered_is_an_error(function: str) -> None:
    files = {"a.yaml": "segment: a\nwhen: exists(page within 1d)\n"}
    files["s.yaml"] = f"segment: s\nwhen: exists(page) and {function}('a' within 401d)\n"
    (found,) = problems(files)
    assert "within 401d is longer than users are remembered" in str(found)
    assert problems(files | {"s.yaml": files["s.yaml"].replace("401d", "400d")}) == []


def test_the_place_and_the_way_out_are_told() -> None:
    (found,) = of("cart.items > 0 and exists('Order Completed' within 500d)")
    assert found.splitlines() == [
        "2:26: within 500d is longer than users are remembered",
        "  2 | when: cart.items > 0 and exists('Order Completed' within 500d)",
        "    |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "  a user without an event for 400d is forgotten, with all that was counted",
        "  write at most within 400d, or set SHOAL_RETENTION to 500d",
    ]


def test_the_window_of_a_score_is_checked_too() -> None:
    text = "score: s\nwithin: 500d\npoints: [{on: page, add: 1}]\n"
    (found,) = problems({"s.yaml": text})
    assert (found.line, found.column, found.text) == (2, 9, "500d")
    assert found.message == "within 500d is longer than users are remembered"


@pytest.mark.parametrize("role", ["attach: {a: count(page within 401d)}", "status: draft"])
def test_what_is_attached_and_drafts_are_checked(role: str) -> None:
    assert len(of("exists(page within 401d)" if "draft" in role else "exists(page)", more=role)) == 1


def test_what_is_retired_is_not_checked() -> None:
    assert of("exists(page within 401d)", more="status: retired") == []


@pytest.mark.parametrize("when", ["user.idle >= 400d", "user.idle > 500d", "400d <= user.idle", "user.idle = 400d"])
def test_a_silence_that_users_do_not_outlive_is_an_error(when: str) -> None:
    (found,) = of(when)
    assert "user.idle never reaches " in found
    assert "a user without an event for 400d is forgotten, and leaves every segment" in found
    assert of(when, rules=TimeRules(retention_ms=501 * DAY_MS)) == []


@pytest.mark.parametrize(
    "when", ["user.idle < 400d", "user.idle > 399d", "user.age > 500d", "since(page) > 500d", "cart.idle > 500d"]
)
def test_what_may_be_longer_or_always_holds_is_no_error(when: str) -> None:
    assert of(when) == []


@pytest.mark.parametrize(
    "when",
    [
        "session.idle >= 30m",
        "session.idle > 29m59s999ms",
        "session.idle = 1h",
        "45m < session.idle",
        "session.pages > 2 and not (session.idle >= 31m)",
    ],
)
def test_a_silence_after_which_a_visit_is_over_is_an_error(when: str) -> None:
    (found,) = of(when)
    assert "session.idle never reaches " in found
    assert "a visit is over 30m after its last event" in found
    assert of(when, rules=TimeRules(session_gap_ms=3_600_001)) == []


@pytest.mark.parametrize("when", ["session.idle >= 29m", "session.idle < 30m", "session.duration > 2h"])
def test_visits_may_last_longer_than_the_gap(when: str) -> None:
    assert of(when) == []


def many(count: int) -> dict[str, str]:
    """Definitions that keep some 70 KB each."""
    whens = [f"first(name of page within {number + 1}d) = 'a'" for number in range(count)]
    return {f"{number}.yaml": f"segment: s-{number}\nwhen: {when}\n" for number, when in enumerate(whens)}


def test_a_catalog_under_which_a_profile_could_grow_too_large_is_an_error() -> None:
    enough = next(count for count in range(20) if size(many(count)) > PROFILE_BYTES_MAX)
    assert problems(many(enough - 1)) == []
    (found,) = problems(many(enough))
    assert found.message == f"a user's profile could grow to {size(many(enough)) // 1024} KB; 768 KB is the most"
    assert (found.path, found.line, found.column, found.text) == ("0.yaml", 1, 10, "s-0")
    assert found.detail.startswith("most of it: name and instant of each of page within 1d (72 KB); ")


def size(files: dict[str, str]) -> int:
    catalog = load_catalog(files)
    return profile_size(catalog, footprints(catalog, RULES)).most


def test_drafts_take_no_place_in_a_profile() -> None:
    assert problems({path: f"{text}status: draft\n" for path, text in many(20).items()}) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    files = {**many(20), "x.yaml": "segment: x\nwhen: user.idle > 500d or exists(page within 900d)\n"}
    assert [(problem.path, problem.line) for problem in problems(files)] == [
        ("0.yaml", 1),
        ("x.yaml", 2),
        ("x.yaml", 2),
    ]


def test_a_folder_is_read_under_the_rules_that_are_given(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("segment: s\nwhen: exists(page within 500d)\n")
    with pytest.raises(UserError, match="1 problem in") as raised:
        load_segments(tmp_path)
    assert "within 500d is longer than users are remembered" in str(raised.value.detail)
    assert load_segments(tmp_path, TimeRules(retention_ms=500 * DAY_MS)).segments


def test_what_is_shipped_and_shown_is_within_the_limits() -> None:
    assert load_segments(ROOT / "deploy" / "segments").segments
    assert problems(definitions(ROOT / "docs" / "language.md")) == []


def test_each_recipe_of_the_cookbook_is_within_the_limits_with_those_that_it_uses() -> None:
    recipes = definitions(ROOT / "docs" / "cookbook.md")
    for path in recipes:
        needed: dict[str, str] = {}
        waiting = [path]
        while waiting:
            each = waiting.pop()
            needed[each] = recipes[each]
            used = re.findall(r"\b(?:segment|score|entered|left|since_left|times)\('([^']+)'", recipes[each])
            waiting += [f"{name}.yaml" for name in used if f"{name}.yaml" not in needed]
        assert problems(needed) == [], path
