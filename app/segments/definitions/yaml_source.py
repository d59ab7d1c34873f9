"""One YAML file: its nodes, their problems, and the offset in the file of each character of a value."""

import re
from typing import Any

import yaml

from app.segments.definitions.problem import Problem
from app.segments.definitions.source_text import SourceText
from app.segments.definitions.yaml_errors import describe

FILE_LENGTH_MAX = 262_144
"""Characters of one definition file."""

_NESTING_MAX = 5_000
"""Above this bound on how deep a file may be nested, the slow loader reads it: it survives any depth."""

_WHAT = "definition"
_SHAPE = "a definition consists of lines key: value and begins with segment: <name>"

_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair."""

_FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlSource(SourceText):
    """The YAML nodes of one file. Problems are collected in `problems`."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(path, text)
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def root(self, what: str = _WHAT, shape: str = _SHAPE) -> yaml.MappingNode | None:
        """The mapping that the file consists of, or None after a problem was added. `shape`: how `what` is written."""
        if len(self.text) > FILE_LENGTH_MAX:
            self.wrong_at(0, 0, f"this file has {len(self.text):,} characters", f"the longest has {FILE_LENGTH_MAX:,}")
            return None
        try:
            root = self._compose()
        except yaml.YAMLError as error:
            self.problems.append(describe(error, self))
            return None
        except RecursionError:
            self.wrong_at(0, 0, "this file is nested too deeply", "write it with fewer levels")
            return None
        if root is None:
            self.wrong_at(0, 0, "this file is empty", "a definition begins with segment: <name> or score: <name>")
            return None
        if not isinstance(root, yaml.MappingNode):
            self.wrong(
                root,
                f"this file is not a {what}",
                "a space is missing after the colon"
                if isinstance(root, yaml.ScalarNode) and re.match(r"[\w-]+:\S", root.value)
                else shape,
            )
            return None
        return None if self._has_halves(root) else root

    def _has_halves(self, root: yaml.Node) -> bool:
        """True, after a problem, if an escape in a text is half of a character: no event can have it, nor any file."""
        if "\\" not in self.text:
            return False
        waiting, seen, known = [root], {id(root)}, len(self.problems)
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.ScalarNode):
                half = _HALF.search(node.value)
                if half is not None:
                    self._half(node, half.start())
                continue
            pairs = isinstance(node, yaml.MappingNode)
            below = [each for pair in node.value for each in pair] if pairs else node.value
            waiting += [each for each in below if id(each) not in seen]
            seen.update(map(id, below))
        return len(self.problems) > known

    def _half(self, node: yaml.ScalarNode, at: int) -> None:
        start = self.offsets(node)[at]
        both = node.value[at : at + 2].encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
        whole = len(both) == 1 and both != "\ufffd"
        self.wrong_at(
            start,
            start + 6,
            "this escape is half of a character",
            f"write the character itself: {both}" if whole else "leave it out",
            "in YAML, each character has one escape" if whole else "",
        )

    def _compose(self) -> yaml.Node | None:
        nesting = self.text.count("[") + self.text.count("{") + self.longest_line
        if nesting < _NESTING_MAX:
            try:
                return yaml.compose(self.text, Loader=_FAST_LOADER)
            except yaml.YAMLError:
                pass  # the slow loader has better messages
        return yaml.compose(self.text, Loader=yaml.SafeLoader)

    # ---- problems

    def wrong(self, node: yaml.Node, message: str, hint: str = "", detail: str = "") -> None:
        """Adds a problem with a whole node."""
        self.wrong_at(node.start_mark.index, node.end_mark.index, message, hint, detail)

    def wrong_at(self, start: int, end: int, message: str, hint: str = "", detail: str = "") -> None:
        """Adds a problem with the characters from `start` to `end` of the file."""
        self.problems.append(self.problem(start, end, message, hint, detail))

    def line(self, node: yaml.Node) -> int:
        """The line on which a node begins, from 1."""
        return int(node.start_mark.line) + 1

    # ---- nodes

    def visit(self, node: yaml.Node) -> bool:
        """True if a node is met for the first time; an alias (`*name`) is a problem."""
        if id(node) in self._seen:
            self.wrong(node, "this value is used again with *", "write the value in both places")
            return False
        self._seen.add(id(node))
        return True

    def offsets(self, node: yaml.ScalarNode) -> list[int]:
        """For each character of a value, and its end, where it stands in the file.

        Exact for all characters but blank space at folds.
        """
        start, end = node.start_mark.index, node.end_mark.index
        raw, at = self.text, start
        if node.style in ("|", ">"):
            at = raw.find("\n", start, end) + 1 or end
        elif node.style in ("'", '"'):
            at, end = start + 1, end - 1
        found = []
        value = node.value
        index = 0
        while index < len(value):
            if value[index].isspace() and at < end and raw[at].isspace():
                fold = _run(raw, at, end)
                if "\n" in raw[at:fold] or "\r" in raw[at:fold]:
                    run = _run(value, index, len(value))
                    found += [at] * (run - index)
                    index, at = run, fold
                    continue
            if node.style in ("|", ">") and value[index] != raw[at : at + 1]:
                at = _run(raw, at, end)
            found.append(min(at, end))
            at += _width(raw, at, node.style)
            index += 1
        found.append(min(at, end))
        return found


def _run(text: str, start: int, end: int) -> int:
    """Returns the end of the blank space that begins at `start`."""
    while start < end and text[start].isspace():
        start += 1
    return start


def _width(raw: str, at: int, style: str | None) -> int:
    """Number of characters of the file that make the one character of the value at `at`."""
    if style == "'" and raw.startswith("''", at):
        return 2
    if style == '"' and raw.startswith("\\", at):
        return {"x": 4, "u": 6, "U": 10}.get(raw[at + 1 : at + 2], 2)
    return 1
