"""Edits of the text of a segment: a part of a condition is added or removed, or it is called something else.

Every other byte stays.

The change is first made inside the value as it is written. If the result does not mean exactly what was asked for, the
value is written anew on one line; if that does not either, the edit is refused. So a text never comes to mean something
else than what its author sees.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import yaml

from app.segments.definitions.definition import Segment
from app.segments.definitions.definition_file import DefinitionFile, read_definition_file
from app.segments.definitions.definition_format import NAME_LENGTH_MAX
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.errors import LanguageError
from app.segments.language.parser import parse_expression

Role = Literal["when", "enter", "exit"]
PATH: Final = "new.yaml"


class EditRefusedError(Exception):
    """The edit cannot be made for a reason that its text says."""


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of a condition in a file: its node, its expression, and where each character of it stands."""

    node: yaml.ScalarNode
    tree: s.Expression
    offsets: list[int]
    text: str

    @property
    def begin(self) -> int:
        """Offset of the first character of the expression."""
        return self.offsets[0]

    @property
    def end(self) -> int:
        """Offset behind the last character that is no blank."""
        raw = self.text[self.begin : self.node.end_mark.index]
        if self.node.style in ("'", '"'):
            raw = raw[:-1]
        return self.begin + len(raw.rstrip())


def parts_of(tree: s.Expression) -> tuple[s.Expression, ...]:
    """The parts of a condition, all of which must hold."""
    return tree.operands if isinstance(tree, s.And) else (tree,)


def add_part(text: str, role: Role, expression: str) -> str:
    """The text with one more part that must hold. EditRefusedError."""
    mark, text = _without_mark(text)
    segment, value = _read(text, role)
    try:
        part = parse_expression(expression)
    except LanguageError as error:
        raise EditRefusedError(f"{expression:.200} cannot be used: {error}") from None
    wanted = s.And((*parts_of(value.tree), *parts_of(part)))
    whole = not isinstance(value.tree, s.Or)
    more = f"({expression})" if isinstance(part, s.Or) else expression
    inside = _added(text, value, more) if whole else iter(())
    return mark + _first_that_means(text, segment, role, wanted, inside, value)


def remove_part(text: str, role: Role, place: int) -> str:
    """The text without one of the parts. EditRefusedError, also for the only one."""
    mark, text = _without_mark(text)
    segment, value = _read(text, role)
    parts = parts_of(value.tree)
    if not 0 <= place < len(parts):
        raise EditRefusedError("the condition has no such part any more")
    if len(parts) == 1:
        raise EditRefusedError("this is the only part of the condition: add another one first")
    kept = (*parts[:place], *parts[place + 1 :])
    wanted = kept[0] if len(kept) == 1 else s.And(kept)
    return mark + _first_that_means(text, segment, role, wanted, _removed(text, value, parts, place), value)


def call(text: str, title: str) -> str:
    """The text with another title, and the name made of it: "Looked at shoes" is looked-at-shoes. EditRefusedError."""
    mark, text = _without_mark(text)
    title = " ".join(title.split())
    name = name_of(title)
    file = read_definition_file(PATH, text)
    if not isinstance(file.definition, Segment) or file.fields is None:
        raise EditRefusedError("solve the problems of the text first")
    if not name:
        raise EditRefusedError(f"{title!r:.80} makes no name: use a letter from a to z, or a digit")
    wanted = _without_lines(replace(file.definition, name=name, title=title))
    named, titled = file.fields.get("segment"), file.fields.get("title")
    if isinstance(named, yaml.ScalarNode) and (titled is None or isinstance(titled, yaml.ScalarNode)):
        for written in (title, json.dumps(title, ensure_ascii=False)):
            made = _called(text, named, name, titled, written)
            found = read_definition_file(PATH, made).definition
            if isinstance(found, Segment) and _without_lines(found) == wanted:
                return mark + made
    raise EditRefusedError(f"{title!r:.80} cannot be put into this text: write it there")


def name_of(title: str) -> str:
    """The name of a definition that is called something.

    >>> name_of("Größe 42: looked at shoes!")
    'groesse-42-looked-at-shoes'
    """
    german = title.lower()
    for letter, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        german = german.replace(letter, letters)
    plain = unicodedata.normalize("NFKD", german).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:NAME_LENGTH_MAX].strip("-")


def _called(text: str, named: yaml.ScalarNode, name: str, titled: yaml.ScalarNode | None, title: str) -> str:
    pieces = [(named.start_mark.index, named.end_mark.index, name)]
    if titled is not None:
        pieces.append((titled.start_mark.index, titled.end_mark.index, title))
    else:
        end = text.find("\n", named.end_mark.index)
        at = len(text) if end < 0 else end - text[:end].endswith("\r")
        newline = "\r\n" if end >= 0 and text[:end].endswith("\r") else "\n"
        pieces.append((at, at, f"{newline}title: {title}"))
    for start, end, written in sorted(pieces, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _without_mark(text: str) -> tuple[str, str]:
    """A byte order mark, and the text behind it, in which places are counted."""
    whole = text.removeprefix("\ufeff")
    return text[: len(text) - len(whole)], whole


def _read(text: str, role: Role) -> tuple[Segment, _Value]:
    file = read_definition_file(PATH, text)
    if not isinstance(file.definition, Segment):
        raise EditRefusedError("solve the problems of the text first")
    node, tree = _node(file, role), getattr(file.definition, role)
    if node is None or tree is None:
        raise EditRefusedError(f"the text has no {role}")
    return file.definition, _Value(node, tree, file.source.offsets(node), text)


def _node(file: DefinitionFile, role: Role) -> yaml.ScalarNode | None:
    node = None if file.fields is None else file.fields.get(role)
    return node if isinstance(node, yaml.ScalarNode) and node.value else None


def _added(text: str, value: _Value, more: str) -> Iterator[str]:
    """The value with ` and ...` behind it, on a line of its own where it has several."""
    start, end = value.begin, value.end
    escaped = {"'": more.replace("'", "''"), '"': json.dumps(more, ensure_ascii=False)[1:-1]}
    written = escaped.get(value.node.style or "", more)
    if value.node.style in ("|", ">"):
        line = text.rfind("\n", 0, start) + 1
        newline = "\r\n" if text[: line - 1].endswith("\r") else "\n"
        yield f"{text[:end]}{newline}{text[line:start]}and {written}{text[end:]}"
    yield f"{text[:end]} and {written}{text[end:]}"


def _removed(text: str, value: _Value, parts: tuple[s.Expression, ...], place: int) -> Iterator[str]:
    """The value without the characters of a part and the word beside it."""
    offsets = value.offsets
    if place:
        before, own = parts[place - 1].span, parts[place].span
        for more in range(3):  # parentheses are no part of what they hold
            start, end = offsets[before.end - 1] + 1 + more, offsets[own.end - 1] + 1 + more
            yield text[:start] + text[end:]
            yield text[: start - more] + text[end:]
    else:
        following = parts[1].span
        for more in range(3):
            yield text[: value.begin] + text[offsets[following.start] - more :]


def _first_that_means(
    text: str, segment: Segment, role: Role, wanted: s.Expression, candidates: Iterator[str], value: _Value
) -> str:
    changed: dict[str, Any] = {role: wanted}
    expected = _without_lines(replace(segment, **changed))
    for each in (*candidates, *_written_anew(text, value, canonical.text(wanted))):
        made = read_definition_file(PATH, each).definition
        if isinstance(made, Segment) and _without_lines(made) == expected:
            return each
    raise EditRefusedError("this change cannot be made without touching more of the text: make it there")


def _without_lines(segment: Segment) -> Segment:
    """The segment without the places of its tests, which an edit may move."""
    tests = (
        replace(test, line=0, expect=tuple(replace(each, line=0) for each in test.expect)) for test in segment.tests
    )
    return replace(segment, tests=tuple(tests))


def _written_anew(text: str, value: _Value, expression: str) -> Iterator[str]:
    start = value.node.start_mark.index  # that of its quote, or of the sign of a block
    stop = value.end + (1 if value.node.style in ("'", '"') else 0)
    yield f"{text[:start]}{expression}{text[stop:]}"
    yield f"{text[:start]}{json.dumps(expression, ensure_ascii=False)}{text[stop:]}"
