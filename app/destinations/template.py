"""Texts and JSON values with placeholders for values of a change: `{{ attach.email | lower }}`. Pure.

A text that is one placeholder and nothing else becomes the value as it is (a number stays a number); in any other text
the value is inserted. A path names a field of the change (`user`, `segment`, `attach.value`, `evidence.0.value`). A
missing value stops the change (`MissingValueError`), unless the placeholder has `default('x')` or `optional`, which
leaves the key or item out.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from app.destinations.json_path import value_at

_FIELDS = "id user segment version change times at sequence cause evidence attach valid_until value group"
ROOTS: Final = frozenset(_FIELDS.split())
"""The fields of a change."""

_PLACE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FILTER: Final = re.compile(r"([a-z_0-9]+)\s*(?:\(\s*(?:'([^']*)'|(-?[0-9.]+))\s*\))?")
_PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w$-]+)*")


class TemplateError(ValueError):
    """A placeholder that cannot be read. `start` and `end` say where in the text it stands."""

    def __init__(self, message: str, hint: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.start = start
        self.end = end


class MissingValueError(Exception):
    """A change lacks a value that the template needs."""

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(f"the change has no {'.'.join(path)}")
        self.path = tuple(path)


class _LeftOut:
    """Result of an optional placeholder without a value."""


LEFT_OUT: Final = _LeftOut()

Escape: TypeAlias = Callable[[str], str]


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


FILTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "lower": lambda value: _words(value).lower(),
    "upper": lambda value: _words(value).upper(),
    "trim": lambda value: _words(value).strip(),
    "md5": lambda value: hashlib.md5(_words(value).encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(_words(value).encode()).hexdigest(),
    "text": _words,
    "json": lambda value: json.dumps(value, ensure_ascii=False),
}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{ }}`."""

    path: tuple[str, ...]
    filters: tuple[Callable[[Any], Any], ...]
    optional: bool
    has_default: bool
    default: Any

    def value(self, change: Mapping[str, Any]) -> Any:
        """Returns the value for a change. Raises MissingValueError."""
        found = value_at(change, self.path)
        if found is None or found == "":
            if self.optional:
                return LEFT_OUT
            if not self.has_default:
                raise MissingValueError(self.path)
            return self.default
        for each in self.filters:
            found = each(found)
        return found


@dataclass(frozen=True, slots=True)
class Text:
    """A text with placeholders. `parts`: texts and placeholders in turn."""

    parts: tuple[str | Placeholder, ...]

    def value(self, change: Mapping[str, Any]) -> Any:
        """The text for a change; of a sole placeholder, the value as it is."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Placeholder):
            return self.parts[0].value(change)
        return self.text(change)

    def text(self, change: Mapping[str, Any], escape: Escape = str) -> str:
        """The text for a change, each value escaped."""
        written = []
        for part in self.parts:
            if isinstance(part, str):
                written.append(part)
            else:
                value = part.value(change)
                written.append("" if value is LEFT_OUT else escape(_words(value)))
        return "".join(written)

    @property
    def fixed(self) -> bool:
        """True if there is no placeholder in it."""
        return all(isinstance(part, str) for part in self.parts)


def in_url(value: str) -> str:
    """A value as a part of an address: nothing of it can become another part."""
    return quote(value, safe="")


Node: TypeAlias = "Text | Mapping[str, Node] | Sequence[Node] | int | float | bool | None"
"""A JSON value with placeholders."""


def fill(node: Any, change: Mapping[str, Any]) -> Any:
    """The JSON value for a change. Raises MissingValueError."""
    if isinstance(node, Text):
        return node.value(change)
    if isinstance(node, Mapping):
        filled = {key: fill(value, change) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not LEFT_OUT}
    if isinstance(node, list | tuple):
        return [value for item in node if (value := fill(item, change)) is not LEFT_OUT]
    return node


def parse(text: str, *, roots: Collection[str] = ROOTS) -> Text:
    """A text with placeholders, whose paths begin with one of `roots`. Raises TemplateError.

    >>> parse("hello {{ user | upper }}").text({"user": "ann"})
    'hello ANN'
    """
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACE.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(_placeholder(match[1], match.start(), match.end(), roots))
        end = match.end()
    rest = text[end:]
    if "{{" in rest or "}}" in rest:
        at = end + max(rest.find("{{"), rest.find("}}"))
        raise TemplateError("{{ without }}, or the reverse", "write {{ user }}", at, at + 2)
    if rest or not parts:
        parts.append(rest)
    return Text(tuple(parts))


def _placeholder(inner: str, start: int, end: int, roots: Collection[str]) -> Placeholder:
    path, *pieces = (piece.strip() for piece in inner.split("|"))
    if not _PATH.fullmatch(path):
        raise TemplateError(f"{path or 'nothing'} is not a value of a change", "write {{ attach.email }}", start, end)
    names = tuple(path.split("."))
    if names[0] not in roots and roots is not ROOTS:
        raise TemplateError(f"there is no {names[0]} here", f"there are {', '.join(sorted(roots))}", start, end)
    if names[0] not in roots:
        hint = f"what a segment attaches is {{{{ attach.{path} }}}}; a change has {', '.join(sorted(ROOTS))}"
        raise TemplateError(f"a change has no {names[0]}", hint, start, end)
    filters = []
    optional = has_default = False
    default: Any = None
    for piece in pieces:
        match = _FILTER.fullmatch(piece)
        name = match[1] if match else piece
        if match and name == "default" and (match[2] is not None or match[3] is not None):
            has_default = True
            default = match[2] if match[2] is not None else json.loads(match[3])
        elif name == "optional":
            optional = True
        elif name in FILTERS:
            filters.append(FILTERS[name])
        else:
            known = ", ".join([*FILTERS, "optional", "default('...')"])
            raise TemplateError(f"there is no filter {name}", f"there are {known}", start, end)
    return Placeholder(names, tuple(filters), optional, has_default, default)
