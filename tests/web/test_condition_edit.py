"""Edits of conditions: each means exactly what was asked for, and leaves all other bytes as they are."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.segments.definitions.definition import Segment
from app.segments.definitions.definition_file import read_definition_file
from app.segments.language.parser import parse_expression
from app.web.drafts.condition_edit import EditRefusedError, Role, add_part, call, parts_of, remove_part

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "segments"
DOCS: Final = Path(__file__).parents[2] / "docs"
PARTS: Final = (
    "cart.value >= 40",
    "not exists('Order Completed' within 30d)",
    "count('it''s: a #tag' where color = 'red' within 7d) >= 3",
    "traits.plan = 'gold' or traits.plan = 'blue'",
    "segment('vip')",
    "model('next')['bargain-hunters'] > 0.4",
)
EDITS: Final = 500
ADDED: Final = "cart.value >= 40"


def texts() -> Iterator[str]:
    """The shipped segments, and those of the docs."""
    yield from (path.read_text() for path in sorted(SHIPPED.glob("*.yaml")))
    for page in ("cookbook.md", "language.md"):
        yield from re.findall(r"```yaml\n(segment: .*?)```", (DOCS / page).read_text(), re.DOTALL)


def segment_of(text: str) -> Segment | None:
    definition = read_definition_file("new.yaml", text).definition
    return definition if isinstance(definition, Segment) else None


SEGMENTS: Final = [text for text in texts() if segment_of(text) is not None]


def conditions(segment: Segment) -> list[tuple[Role, Any]]:
    roles: tuple[Role, ...] = ("when", "enter", "exit")
    found = ((role, getattr(segment, role)) for role in roles)
    return [(role, tree) for role, tree in found if tree is not None]


def without_condition(text: str, role: str) -> list[str]:
    """The lines of a file without those of a condition."""
    lines, inside, kept = text.splitlines(keepends=True), False, []
    for line in lines:
        if re.match(rf"{role}:", line):
            inside = True
        elif line.strip() and not line.startswith((" ", "\t")):
            inside = False
        if not inside:
            kept.append(line)
    return kept


@pytest.mark.long
def test_random_edits_mean_what_was_asked_and_touch_nothing_else() -> None:
    chance = random.Random(19)
    done = {"added": 0, "removed": 0}
    for _ in range(EDITS):
        text = chance.choice(SEGMENTS)
        segment = segment_of(text)
        assert segment is not None
        role, tree = chance.choice(conditions(segment))
        before = parts_of(tree)
        if len(before) > 1 and chance.random() < 0.5:
            place = chance.randrange(len(before))
            after, kind = remove_part(text, role, place), "removed"
            wanted = (*before[:place], *before[place + 1 :])
        else:
            part = chance.choice(PARTS)
            after, kind = add_part(text, role, part), "added"
            wanted = (*before, *parts_of(parse_expression(part)))
        changed = segment_of(after)
        assert changed is not None, after
        assert parts_of(getattr(changed, role)) == wanted, after
        assert without_condition(after, role) == without_condition(text, role)
        done[kind] += 1
    assert min(done.values()) > EDITS // 5, done


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("when: cart.items > 0  # why\ntitle: T\n", "when: cart.items > 0 and cart.value >= 40  # why\ntitle: T\n"),
        ('when: "cart.items > 0"\n', 'when: "cart.items > 0 and cart.value >= 40"\n'),
        ("when: 'cart.items > 0' # x\n", "when: 'cart.items > 0 and cart.value >= 40' # x\n"),
        ("when: >\n  cart.items > 0\n\n# end\n", "when: >\n  cart.items > 0\n  and cart.value >= 40\n\n# end\n"),
        ("when: >\r\n  cart.items > 0\r\n", "when: >\r\n  cart.items > 0\r\n  and cart.value >= 40\r\n"),
        ("when: cart.items > 0", "when: cart.items > 0 and cart.value >= 40"),
    ],
)
def test_a_part_is_added_where_the_condition_ends(before: str, after: str) -> None:
    for mark in ("", "\ufeff"):
        head = f"{mark}segment: x\n"
        assert add_part(head + before, "when", ADDED) == head + after


def test_what_is_one_of_several_becomes_one_part_of_all() -> None:
    text = add_part("segment: x\nwhen: cart.items > 0 or cart.value > 9\n", "when", ADDED)
    segment = segment_of(text)
    assert segment is not None
    assert segment.when is not None
    assert [type(each).__name__ for each in parts_of(segment.when)] == ["Or", "Comparison"]


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        ("segment: x\nwhen: cart.items > 0\n", "cout('x') > 1", "cannot be used"),
        ("segment: x\nwhen: cart.items >\n", ADDED, "solve the problems"),
        ("score: x\nwithin: 7d\npoints:\n  - {on: Tea, add: 20}\n", ADDED, "solve the problems"),
        ("segment: x\nenter: cart.items > 0\nexit: cart.items = 0\n", ADDED, "has no when"),
    ],
)
def test_an_edit_that_cannot_be_made_is_refused(text: str, part: str, said: str) -> None:
    with pytest.raises(EditRefusedError, match=said):
        add_part(text, "when", part)


def test_the_only_part_stays() -> None:
    with pytest.raises(EditRefusedError, match="only part"):
        remove_part("segment: x\nwhen: cart.items > 0\n", "when", 0)
    with pytest.raises(EditRefusedError, match="no such part"):
        remove_part("segment: x\nwhen: cart.items > 0 and cart.value > 1\n", "when", 2)


@pytest.mark.parametrize(
    ("text", "title", "after"),
    [
        (
            "segment: a # all\ntitle: Old # t\nwhen: cart.items > 0\n",
            " Looked at  shoes ",
            "segment: looked-at-shoes # all\ntitle: Looked at shoes # t\nwhen: cart.items > 0\n",
        ),
        (
            "\ufeffsegment: a\r\nwhen: cart.items > 0\r\n",
            "Größe 42",
            "\ufeffsegment: groesse-42\r\ntitle: Größe 42\r\nwhen: cart.items > 0\r\n",
        ),
        ("when: cart.items > 0\nsegment: a", "Carts", "when: cart.items > 0\nsegment: carts\ntitle: Carts"),
        (
            "segment: a\ntitle: 'x'\nwhen: cart.items > 0\n",
            "VIP: #1",
            'segment: vip-1\ntitle: "VIP: #1"\nwhen: cart.items > 0\n',
        ),
    ],
)
def test_a_segment_is_called_something_else_and_all_other_bytes_stay(text: str, title: str, after: str) -> None:
    assert call(text, title) == after


@pytest.mark.parametrize(
    ("text", "title", "said"),
    [
        ("segment: a\nwhen: cart.items > 0\n", "☕ …", "makes no name"),
        ("segment: a\nwhen: cart.items >\n", "Carts", "solve the problems"),
        ("{segment: a, when: cart.items > 0}\n", "Carts", "write it there"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(text: str, title: str, said: str) -> None:
    with pytest.raises(EditRefusedError, match=said):
        call(text, title)
