"""Parts of a foreign definition that could not be translated, or only with a difference."""

from dataclasses import dataclass
from typing import Any, Final

from app.events.visible_text import visible_line

_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Gap:
    """One part that differs. `path`: its place in the JSON. `left_out`: false if it is translated with a difference."""

    path: str
    what: str
    why: str
    nearest: str = ""
    left_out: bool = True

    def __str__(self) -> str:
        """One line, safe for a terminal."""
        text = f"{self.path}: {self.what}: {self.why}"
        return visible_line(f"{text}; nearest: {self.nearest}" if self.nearest else text)


class Untranslatable(Exception):
    """A part without an equal in the language."""

    def __init__(self, what: str, why: str, nearest: str = "") -> None:
        super().__init__(what, why, nearest)
        self.what = what
        self.why = why
        self.nearest = nearest

    def at(self, path: str) -> Gap:
        """The gap at a place."""
        return Gap(path, self.what, self.why, self.nearest)


def shown(value: Any) -> str:
    """A value from the JSON, short and safe to show.

    >>> shown("a\\x1b[31m")
    "'a\\\\x1b[31m'"
    """
    text = (
        "an object"
        if isinstance(value, dict)
        else visible_line(f"'{value}'" if isinstance(value, str) else repr(value))
    )
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
