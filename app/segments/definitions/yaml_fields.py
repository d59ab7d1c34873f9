"""Reading the keys of one mapping of a definition file: each with its type, each problem with its place."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import yaml

from app.segments.definitions.problem import Problem
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import scalar_value
from app.segments.language import syntax as s
from app.segments.language.durations import DurationError, parse_duration
from app.segments.language.errors import LanguageError
from app.segments.language.parser import Reading, read_expression, read_pattern
from app.segments.language.suggestions import did_you_mean, listed

NodeT = TypeVar("NodeT")

_BARE_EVENT_NAME = re.compile(r"[^'\"]+")
_PATTERN_SYNTAX = re.compile(r"(?:page|screen|identify)\b|(?:any|sequence)\s*\(|.*\b(?:where|once\s+per)\b", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Placed(Generic[NodeT]):
    """An expression or pattern with its place in the file."""

    node: NodeT
    text: str
    source: YamlSource
    offsets: Sequence[int]

    def problem(self, error: LanguageError) -> Problem:
        """The error as a problem of the file."""
        return placed_problem(self.source, self.offsets, error)


def placed_problem(source: YamlSource, offsets: Sequence[int], error: LanguageError) -> Problem:
    """An error of an expression's text as a problem of the file; `offsets` as `YamlSource.offsets` gives them."""
    last = len(offsets) - 1
    start, end = min(error.span.start, last), min(error.span.end, last)
    stop = offsets[end - 1] + 1 if end > start else offsets[start]
    return source.problem(offsets[start], stop, error.message, error.hint, error.detail)


class Fields:
    """The keys of one mapping. What is unknown, twice there, or no plain word becomes a problem at once."""

    def __init__(self, source: YamlSource, node: yaml.MappingNode, known: Iterable[str], what: str) -> None:
        self.source = source
        self.node = node
        self._what = what
        self._nodes: dict[str, yaml.Node] = {}
        self._keys: dict[str, yaml.ScalarNode] = {}
        known = tuple(known)
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                source.wrong(key, "a key is a word, not a list or a mapping", _FLOW_HINT)
            elif key.value in self._keys:
                first = source.line(self._keys[key.value])
                source.wrong(
                    key, f"{key.value} appears twice", "leave one of them out", f"it first appears in line {first}"
                )
            elif key.value not in known:
                self._keys[key.value] = key
                self._unknown(key, known)
            elif source.visit(value):
                self._keys[key.value] = key
                self._nodes[key.value] = value

    def _unknown(self, key: yaml.ScalarNode, known: Sequence[str]) -> None:
        name = key.value if len(key.value) <= 40 else key.value[:40] + "…"
        if key.style or not re.fullmatch(r"[\w -]*", key.value):
            hint = _FLOW_HINT
        else:
            hint = _OTHER_KEYS.get((self._what, key.value.lower())) or did_you_mean(key.value, known)
        self.source.wrong(
            key, f"unknown key {name}", hint, f"{self._what} has the keys {listed(known)}" if not hint else ""
        )

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def get(self, key: str) -> yaml.Node | None:
        """The node of a key, if it is there."""
        return self._nodes.get(key)

    def key(self, key: str) -> yaml.Node:
        """The node of the key itself; of the mapping, if the key is not there."""
        return self._keys.get(key, self.node)

    def wrong(self, key: str, message: str, hint: str = "", detail: str = "") -> None:
        """Adds a problem with a key's value, or with the key where it has none."""
        node = self._nodes.get(key)
        empty = node is None or node.start_mark.index == node.end_mark.index
        self.source.wrong(self.key(key) if empty or node is None else node, message, hint, detail)

    def scalar(self, key: str) -> yaml.ScalarNode | None:
        """The plain value of a key; None if it is not there, is empty or (after a problem) no plain value."""
        node = self._nodes.get(key)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
            hint = "put the value in double quotes"
            if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
                hint = "join conditions with and: " + " and ".join(item.value for item in node.value[:3])
            self.source.wrong(node, f"{key} is {kind} here, but must be one value", hint)
            return None
        if self.source.text[node.start_mark.index : node.start_mark.index + 1] in ("!", "&"):
            self._decorated(key, node)
            return None
        if not node.value.strip() or (not node.style and scalar_value(node) is None):
            self.wrong(key, f"{key} is empty", "give it a value, or leave the key out")
            return None
        return node

    def _decorated(self, key: str, node: yaml.ScalarNode) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        sign, rest = self.source.text[start], self.source.text[start + 1 : end].strip()
        hint = f"write not {rest}" if sign == "!" and "(" in rest else f"leave the {sign} out, or use double quotes"
        self.source.wrong(node, f"{key} begins with {sign}, which means something else in YAML", hint)

    # ---- values

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        node = self.scalar(key)
        return node.value.strip() if node is not None else default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(node.value.strip() for node in self.scalars(key))

    def scalars(self, key: str) -> list[yaml.ScalarNode]:
        """The plain values of a list."""
        node = self._nodes.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            example = node.value if isinstance(node, yaml.ScalarNode) and node.value else "a, b"
            self.wrong(key, f"{key} must be a list", f"write [{example}]")
            return []
        found = []
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or not item.value.strip():
                self.source.wrong(item, f"an item of {key} must be a text")
            elif self.source.visit(item):
                found.append(item)
        return found

    def boolean(self, key: str) -> bool:
        """true or false; false if the key is not there."""
        node = self.scalar(key)
        if node is None:
            return False
        value = scalar_value(node)
        if isinstance(value, bool):
            return value
        truth = node.value.lower() in ("yes", "on", "y", "1", "true")
        self.wrong(key, f"{key} must be true or false", f"write {str(truth).lower()}")
        return False

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of some words; the first if the key is not there."""
        node = self.scalar(key)
        if node is None or node.value in choices:
            return node.value if node is not None else choices[0]
        self.wrong(
            key,
            f"{key} is {node.value}, but must be {listed(choices, joint='or')}",
            did_you_mean(node.value, choices),
        )
        return choices[0]

    def number(self, key: str) -> int | float | None:
        """A number; None if the key is not there, or after a problem."""
        node = self.scalar(key)
        if node is None:
            return None
        value = scalar_value(node)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 10**15:
            return int(value) if value == int(value) else value
        self.wrong(key, f"{key} must be a number", "write it like 20, 2.5 or -5, at most 15 digits")
        return None

    def duration(self, key: str) -> int | None:
        """The milliseconds of a duration; None if the key is not there, or after a problem."""
        node = self.scalar(key)
        if node is None:
            return None
        try:
            return parse_duration(node.value)
        except DurationError as error:
            self.wrong(key, error.message, error.hint)
            return None

    def mapping(self, key: str) -> yaml.MappingNode | None:
        """The mapping of a key; None if it is not there, or after a problem."""
        node = self._nodes.get(key)
        if node is None or isinstance(node, yaml.MappingNode):
            return node
        self.wrong(key, f"{key} must consist of lines name: value, indented below it")
        return None

    def mappings(self, key: str, example: str) -> list[yaml.MappingNode]:
        """A list of mappings."""
        node = self._nodes.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.wrong(key, f"{key} must be a list, one line with - for each", f"write - {example}")
            return []
        found = []
        for item in node.value:
            if not isinstance(item, yaml.MappingNode):
                self.source.wrong(item, f"an item of {key} must have keys", f"write - {example}")
            elif self.source.visit(item):
                found.append(item)
        return found

    # ---- the language

    def expression(self, key: str) -> Placed[s.Expression] | None:
        """An expression; None if the key is not there, or after a problem."""
        node = self.scalar(key)
        return None if node is None else self._read(node, read_expression(node.value))

    def expression_of(self, node: yaml.ScalarNode, text: str) -> Placed[s.Expression] | None:
        """The expression in a text that stands for a value of this mapping: each character where the value has one."""
        return self._read(node, read_expression(text))

    def pattern(self, key: str) -> Placed[s.Pattern] | None:
        """An event pattern. A bare `Product Added` is the event of that name: YAML has taken the quotes away."""
        node = self.scalar(key)
        if node is None:
            return None
        if _BARE_EVENT_NAME.fullmatch(node.value) and not _PATTERN_SYNTAX.match(node.value):
            name = s.EventName("track", node.value.strip(), span=s.Span(0, len(node.value)))
            return self._read(node, Reading(s.Pattern((name,), None, None, span=name.span), ()))
        return self._read(node, read_pattern(node.value))

    def _read(self, node: yaml.ScalarNode, reading: Reading[NodeT]) -> Placed[NodeT] | None:
        offsets = self.source.offsets(node)
        errors = [self._yaml_reason(node, error) for error in reading.errors]
        self.source.problems += [placed_problem(self.source, offsets, error) for error in errors]
        if reading.node is None:
            return None
        return Placed(reading.node, node.value, self.source, offsets)

    def _yaml_reason(self, node: yaml.ScalarNode, error: LanguageError) -> LanguageError:
        """The error, or a better one where YAML changed what was written."""
        behind = self.source.text[node.end_mark.index :].split("\n", 1)[0]
        if not node.style and re.match(r"\s+#", behind) and error.span.end == len(node.value):
            return LanguageError(
                error.message, error.span, "in YAML a # begins a comment: put the value in double quotes", error.detail
            )
        if node.style in ("'", '"') and re.fullmatch(r"[\w -]+", node.value):
            return LanguageError(
                f"{node.value} is not read as a text here",
                s.Span(0, len(node.value)),
                f"write \"'{node.value}'\"",
                "YAML removes the outer quotes",
            )
        return error


_FLOW_HINT = "between { } put an expression in double quotes"

_OTHER_KEYS: dict[tuple[str, str], str] = {
    ("a segment", "name"): "write segment: <name>",
    ("a segment", "condition"): "did you mean when?",
    ("a segment", "if"): "did you mean when?",
    ("a segment", "delay"): "did you mean for?",
    ("a segment", "half_life"): "half_life belongs to a score",
    ("a segment", "points"): "points belong to a score: begin the file with score: <name>",
    ("a score", "when"): "a condition of a score belongs under points: - {when: ..., add: 10}",
    ("a score", "tests"): "test a score by a segment that uses it",
    ("a score", "status"): "a score has no status: it is computed while a segment uses it",
    ("points", "points"): "did you mean add?",
    ("an event", "timestamp"): "write time: and the duration after the start of the test",
    ("an event", "name"): "put it under properties",
    ("an event", "userid"): "did you mean userId?",
    ("an expectation", "inside"): "did you mean in?",
}
