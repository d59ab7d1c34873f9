"""Drafts keep all of a published file but its condition, its status, and figures that the command had written."""

import pytest

from app.offline.recalibration import is_in_lines, with_condition
from app.segments.definitions.catalog import load_catalog

CONDITION = ["count('A') > 2", "and count('B') <= 1"]
EXPECTED = "count('A') > 2 and count('B') <= 1"


@pytest.mark.parametrize(
    "when",
    [
        "when: count('A') > 1\n",
        "when: count('A') > 1  # a remark about one\n",
        "when: >\n  count('A') > 1\n  and count('B') > 1\n",
        "when: |\n  count('A') > 1\n\n",
        "when: >-\n    count('A') > 1\n",
        "when: \"count('A') > 1\"   # quoted\n",
        "when:\n  count('A') > 1\n  or count('B') > 3\n",
    ],
)
@pytest.mark.parametrize("rest", ["", "hold: 1d # patience\ntags: [a]\n", "# the end\n", "status: live  # since May\n"])
def test_only_condition_and_status_are_others(when: str, rest: str) -> None:
    text = f"# first\nsegment: s\ntitle: T  # of the campaign\n{when}{rest}"
    made = with_condition(text, CONDITION, "new figures")
    before, after = (load_catalog({"s.yaml": each}).segments[0] for each in (text, made))
    assert load_catalog({"s.yaml": f"segment: s\nstatus: draft\nwhen: {EXPECTED}\n"}).segments[0].when == after.when
    assert (after.status, after.title, after.hold_ms, after.tags) == ("draft", "T", before.hold_ms, before.tags)
    assert made.startswith("# first\nsegment: s\ntitle: T  # of the campaign\n")
    assert [line for line in ("# the end", "hold: 1d # patience") if line in text and line not in made] == []


def test_a_file_without_a_line_end_keeps_its_last_value() -> None:
    made = with_condition("when: count('A') > 1\nsegment: s", CONDITION, "")
    assert load_catalog({"s.yaml": made}).segments[0].name == "s"
    made = with_condition("segment: s\nwhen: count('A') > 1", CONDITION, "")
    assert made.endswith("  and count('B') <= 1\n")


def test_figures_of_the_command_are_new_and_words_of_a_person_stay() -> None:
    text = "segment: s\ndescription: '{}'\nwhen: count('A') > 1\n"
    own = "1.0 % of 24,019 users of features shopper abc123; the condition finds 90.0 % of them."
    assert "description: new figures\n" in with_condition(text.format(own), CONDITION, "new figures")
    assert "description: 'ours'\n" in with_condition(text.format("ours"), CONDITION, "new figures")


@pytest.mark.parametrize(
    ("text", "is_one"), [("{segment: s, when: 'true'}", False), ("segment: s\nwhen: 'true'", True)]
)
def test_files_in_braces_are_told_apart(text: str, is_one: bool) -> None:
    assert is_in_lines(text) is is_one
