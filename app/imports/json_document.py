"""JSON of another product, read with clear errors, and its values with their places."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.errors import UserError
from app.imports.gaps import Untranslatable, shown

NESTING_MAX: Final = 30
"""How deep groups of conditions may lie in each other; an expression has room for twice as many levels."""


def read_json(data: bytes, name: str) -> Any:
    """The value of a file. Raises UserError, with line and column where they are known."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from None
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}", hint="save the answer of the API unchanged"
        ) from None
    except RecursionError:
        raise UserError(f"{name}: nested too deeply", hint="a definition has a few levels") from None
    except ValueError as error:
        raise UserError(f"{name}: not JSON: {error}", hint="save the answer of the API unchanged") from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no value of JSON")


@dataclass(frozen=True, slots=True)
class Place:
    """A value and the path to it."""

    path: str
    value: Any
    depth: int = 0

    def field(self, name: str) -> "Place":
        """The value of a key; None where there is none. Raises Untranslatable where this is no object."""
        if not isinstance(self.value, dict):
            raise Untranslatable(shown(self.value), "an object is needed here")
        return Place(f"{self.path}.{name}" if self.path else name, self.value.get(name), self.depth)

    def items(self) -> Iterator["Place"]:
        """The values of a list. Raises Untranslatable where this is none."""
        if not isinstance(self.value, list):
            raise Untranslatable(shown(self.value), "a list is needed here")
        if self.depth >= NESTING_MAX:
            raise Untranslatable("groups of conditions", f"nested more than {NESTING_MAX} deep", "combine the groups")
        for index, value in enumerate(self.value):
            yield Place(f"{self.path}[{index}]", value, self.depth + 1)

    def has(self, name: str) -> bool:
        """True if this is an object with this key, and its value is not null."""
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.field(name).value
        if not isinstance(value, str) or not value:
            raise Untranslatable(f"{name} = {shown(value)}", "a text is needed here")
        return value

    def whole(self, name: str) -> int:
        """A whole number from 0 up that must be there; a text of digits is one."""
        value = self.field(name).value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Untranslatable(f"{name} = {shown(value)}", "a whole number from 0 up is needed here")
        return value
