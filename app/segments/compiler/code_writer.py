"""Python source in the making: lines with their depth, names that do not repeat, and what the names stand for."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.segments.compiler.shared_code import load


class Namespace:
    """Objects that names in generated source stand for; one name for each object."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[int, str] = {}

    def bind(self, prefix: str, value: Any) -> str:
        """A name for a value; the same name for the same object."""
        known = self._names.get(id(value))
        if known is None:
            known = self._names[id(value)] = f"{prefix.upper()}_{len(self.values)}"
            self.values[known] = value
        return known


class CodeWriter:
    """Lines of a module, or of a part of one that is put into another later."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._lines: list[str] = []
        self._depth = 0
        self._number = 0

    def line(self, text: str) -> None:
        """One line at the depth reached."""
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """`head:` and, deeper, what is written inside. Local names of a function begin anew."""
        if not self._depth:
            self._number = 0
        self.line(f"{head}:")
        self._depth += 1
        length = len(self._lines)
        yield
        if len(self._lines) == length:
            self.line("pass")
        self._depth -= 1

    @contextmanager
    def when(self, test: str) -> Iterator[None]:
        """Writes a block under a test; without a test where that is `True`."""
        if test == "True":
            yield
        else:
            with self.block(f"if {test}"):
                yield

    def name(self, prefix: str) -> str:
        """A new local name."""
        self._number += 1
        return f"{prefix}{self._number}"

    def constant(self, value: Any) -> str:
        """A literal for simple values, else a name in the namespace."""
        if value is None or value.__class__ in (int, str, bool):
            return repr(value)
        if value.__class__ is float and math.isfinite(value):
            return repr(value)
        return self.bind("c", value)

    def bind(self, prefix: str, value: Any) -> str:
        """A name of the namespace for a value."""
        return self.namespace.bind(prefix, value)

    def include(self, part: "CodeWriter") -> None:
        """The lines of another part, at the depth reached."""
        for text in part._lines:
            self.line(text)

    def here(self) -> int:
        """The place of the next line, for `insert`."""
        return len(self._lines)

    @property
    def depth(self) -> int:
        """Number of open blocks."""
        return self._depth

    def mentions(self, text: str, since: int) -> bool:
        """True if a line since `here()` was asked has the text in it."""
        return any(text in line for line in self._lines[since:])

    def insert(self, place: int, text: str, *, depth: int) -> None:
        """A line at an earlier place."""
        self._lines.insert(place, "    " * depth + text)

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines) + "\n"

    def load(self, filename: str) -> dict[str, Any]:
        """Runs the module; the namespace then holds its functions."""
        load(self.text(), filename, self.namespace.values)
        return self.namespace.values
