"""Values of a destination file: texts with placeholders and variables, numbers, durations, secrets."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import yaml

from app.destinations.template import ROOTS, Node, TemplateError, Text, parse
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import scalar_value

VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class DestinationValues:
    """Reads values of the mappings of one file. Each problem goes to `source.problems`.

    private: addresses that are not public, and plain http, are allowed. used: the variables that were put in.
    """

    def __init__(self, source: YamlSource, *, environ: Mapping[str, str], private: bool) -> None:
        self.source = source
        self.private = private
        self.used: dict[str, str] = {}
        self._environ = environ

    def nested(self, fields: Fields, key: str, known: tuple[str, ...]) -> Fields | None:
        """The mapping of a key, with the keys that it may have; None if it is not there."""
        node = fields.mapping(key)
        return None if node is None else Fields(self.source, node, known, key)

    def secret(self, fields: Fields, key: str) -> str:
        """A text that must be there, its variables put in; empty after a problem."""
        node = fields.scalar(key)
        if node is None:
            self.source.wrong(
                fields.node, f"{key} is missing", f"write {key}: ${{NAME}} and set NAME in the environment"
            )
            return ""
        return self._expanded(node, node.value)

    def number(self, fields: Fields, key: str, low: float, high: float) -> float | None:
        """A number within bounds; None if it is not there."""
        number = fields.number(key)
        if number is not None and not low <= number <= high:
            fields.wrong(key, f"{key} is {number}", f"allowed: {low:g} to {high:g}")
        return number

    def count(self, fields: Fields, key: str, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`; None if it is not there."""
        number = self.number(fields, key, low, high)
        return None if number is None else int(number)

    def duration(self, fields: Fields, key: str, default: int, low: int, high: int) -> int:
        """A duration within bounds in ms; `default` if it is not there."""
        found = fields.duration(key)
        if found is not None and not low <= found <= high:
            fields.wrong(key, f"{key} is out of bounds", f"allowed: {low} ms to {high // 1000} s")
        return default if found is None else found

    def node(self, node: yaml.Node | None, *, roots: Collection[str] = ROOTS) -> Node:
        """A JSON value with placeholders, whose paths begin with one of `roots`."""
        if node is None:
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self.node(item, roots=roots) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            made: dict[str, Node] = {}
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    made[key.value] = self.node(value, roots=roots)
                else:
                    self.source.wrong(key, "a key is a word here", 'put a place in double quotes: "{{ user }}"')
            return made
        assert isinstance(node, yaml.ScalarNode)
        plain: Any = scalar_value(node)
        return self.template(node, roots=roots) if isinstance(plain, str) else plain

    def template(self, node: yaml.ScalarNode, *, roots: Collection[str] = ROOTS) -> Text | None:
        """A text with placeholders, its variables put in; None after a problem."""
        # Placeholders are found before secrets are inserted: the content of a secret is never a placeholder.
        try:
            text = parse(node.value, roots=roots)
        except TemplateError as error:
            offsets = self.source.offsets(node)
            last = len(offsets) - 1
            self.source.wrong_at(
                offsets[min(error.start, last)], offsets[min(error.end, last)], error.message, error.hint
            )
            return None
        return Text(tuple(self._expanded(node, part) if isinstance(part, str) else part for part in text.parts))

    def _expanded(self, node: yaml.ScalarNode, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if not VARIABLE_NAME.fullmatch(name):
                self.source.wrong(node, f"{match[0]} names no variable", "write ${NAME}")
                return ""
            found = self._environ.get(name, "")
            if not found:
                self.source.wrong(node, f"the variable {name} is not set", f"set it: export {name}=...")
            elif "\n" in found or "\r" in found:
                self.source.wrong(node, f"the variable {name} has more than one line (its value is a secret)")
            else:
                self.used[name] = found
            return found

        return VARIABLE.sub(value, text)
