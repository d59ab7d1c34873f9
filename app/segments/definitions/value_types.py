"""Types of the values in definition files: each reads the value of a key, and describes it to editors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import yaml

from app.segments.definitions.yaml_fields import Fields, Placed
from app.segments.language import syntax as s

ValueT_co = TypeVar("ValueT_co", covariant=True)
Schema: TypeAlias = dict[str, Any]
"""A JSON Schema (draft 2020-12), as plain values."""


class ValueType(Protocol[ValueT_co]):
    """Type of a value.

    `read` returns the value of a key, or what stands for a key that is not there; a value of another type becomes a
    problem of the file. `schema` describes the same values.
    """

    def read(self, fields: Fields, key: str) -> ValueT_co: ...

    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text, without the blanks around it; `default` if there is none."""

    default: str = ""

    def read(self, fields: Fields, key: str) -> str:
        return fields.text(key, self.default)

    def schema(self) -> Schema:
        return {"type": ["string", "number"]}


class WrittenText:
    """A text as it is written, with the blanks around it; None if there is none."""

    def read(self, fields: Fields, key: str) -> str | None:
        if key not in fields:
            return None
        node = fields.scalar(key)
        return node.value if node is not None else ""

    def schema(self) -> Schema:
        return {"type": ["string", "number"]}


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts; `of_one` describes each of them."""

    of_one: str

    def read(self, fields: Fields, key: str) -> tuple[str, ...]:
        return fields.texts(key)

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": ["string", "number"], "description": self.of_one}}


@dataclass(frozen=True, slots=True)
class TextOrTexts:
    """One text, or a list of texts; `of_one` describes each of them."""

    of_one: str

    def read(self, fields: Fields, key: str) -> tuple[str, ...]:
        if isinstance(fields.get(key), yaml.SequenceNode):
            return fields.texts(key)
        return (fields.text(key),)

    def schema(self) -> Schema:
        one: Schema = {"type": ["string", "number"], "description": self.of_one}
        return {"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]}


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names, each with its place. `choices`: the only ones that editors offer; empty: any."""

    choices: Sequence[str] = ()

    def read(self, fields: Fields, key: str) -> list[yaml.ScalarNode]:
        return fields.scalars(key)

    def schema(self) -> Schema:
        return {"type": "array", "items": {"enum": list(self.choices)} if self.choices else {"type": "string"}}


class Name:
    """The name of a definition."""

    def read(self, fields: Fields, key: str) -> str:
        return fields.text(key)

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/name"}


class Duration:
    """A duration in milliseconds; None if there is none."""

    def read(self, fields: Fields, key: str) -> int | None:
        return fields.duration(key)

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/duration"}


class Number:
    """A number; None if there is none."""

    def read(self, fields: Fields, key: str) -> int | float | None:
        return fields.number(key)

    def schema(self) -> Schema:
        return {"type": "number"}


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number from 1 to `most`; `default` if there is none."""

    default: int
    most: int

    def read(self, fields: Fields, key: str) -> int:
        found = fields.number(key)
        if found is None:
            return self.default
        if found != int(found) or not 1 <= found <= self.most:
            fields.wrong(key, f"{key} is a whole number from 1 to {self.most:,}", f"write {key}: {self.default}")
            return self.default
        return int(found)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": 1, "maximum": self.most, "default": self.default}


class Flag:
    """True or false; false if it is not there."""

    def read(self, fields: Fields, key: str) -> bool:
        return fields.boolean(key)

    def schema(self) -> Schema:
        return {"type": "boolean", "default": False}


class Truth:
    """True or false; None if it is not there."""

    def read(self, fields: Fields, key: str) -> bool | None:
        return fields.boolean(key) if key in fields else None

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words; the first if it is not there."""

    words: Sequence[str]

    def read(self, fields: Fields, key: str) -> str:
        return fields.choice(key, self.words)

    def schema(self) -> Schema:
        return {"enum": list(self.words), "default": self.words[0]}


class Expression:
    """An expression of the language; None if there is none."""

    def read(self, fields: Fields, key: str) -> Placed[s.Expression] | None:
        return fields.expression(key)

    def schema(self) -> Schema:
        return {"$ref": "#/$defs/expression"}


class Pattern:
    """An event pattern of the language; None if there is none."""

    def read(self, fields: Fields, key: str) -> Placed[s.Pattern] | None:
        return fields.pattern(key)

    def schema(self) -> Schema:
        return {"type": ["string", "number"]}


@dataclass(frozen=True, slots=True)
class NamedExpressions:
    """A mapping of names to expressions, from one to `most` of them."""

    most: int

    def read(self, fields: Fields, key: str) -> yaml.MappingNode | None:
        node = fields.mapping(key)
        if node is None:
            return None
        count = sum(isinstance(name, yaml.ScalarNode) for name, _ in node.value)
        if not count:
            fields.wrong(key, f"{key} is empty", f"name a value, such as value: cart.value, or leave {key} out")
        if count > self.most:
            fields.source.wrong(fields.key(key), f"{key} has {count} values", f"the most is {self.most}")
        return node

    def schema(self) -> Schema:
        return {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/expression"},
            "minProperties": 1,
            "maxProperties": self.most,
        }


class AnyValues:
    """A mapping of names to whatever JSON has; None if there is none."""

    def read(self, fields: Fields, key: str) -> yaml.MappingNode | None:
        return fields.mapping(key)

    def schema(self) -> Schema:
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class NumbersByName:
    """A mapping of names that people choose to numbers, from one to `most` of them; None if there is none."""

    most: int

    def read(self, fields: Fields, key: str) -> yaml.MappingNode | None:
        return fields.mapping(key)

    def schema(self) -> Schema:
        numbers = {"type": "number"}
        return {"type": "object", "additionalProperties": numbers, "minProperties": 1, "maxProperties": self.most}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A mapping that is described by itself, under the name `mapping`."""

    mapping: str

    def read(self, fields: Fields, key: str) -> yaml.MappingNode | None:
        return fields.mapping(key)

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.mapping}"}


class AnyValue:
    """A text, a number, true or false."""

    def read(self, fields: Fields, key: str) -> yaml.ScalarNode | None:
        node = fields.get(key)
        if node is None or isinstance(node, yaml.ScalarNode):
            return node
        fields.wrong(key, f"{key} must be one value", "write a text, a number, true or false")
        return None

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class TextOrOneOf:
    """A text in one line, or a mapping that is described by itself, under the name `mapping`."""

    mapping: str

    def read(self, fields: Fields, key: str) -> str | yaml.MappingNode | None:
        node = fields.get(key)
        if node is None or isinstance(node, yaml.MappingNode):
            return node
        return fields.text(key)

    def schema(self) -> Schema:
        return {"oneOf": [{"type": "string"}, {"$ref": f"#/$defs/{self.mapping}"}]}


@dataclass(frozen=True, slots=True)
class MappingsByName:
    """Mappings by names that people choose, each described by itself under the name `mapping`."""

    mapping: str
    most: int

    def read(self, fields: Fields, key: str) -> yaml.MappingNode | None:
        return fields.mapping(key)

    def schema(self) -> Schema:
        return {
            "type": "object",
            "additionalProperties": {"$ref": f"#/$defs/{self.mapping}"},
            "minProperties": 1,
            "maxProperties": self.most,
        }


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of mappings that are described by themselves. `example` is shown where there is something else."""

    mapping: str
    example: str
    least: int = 0
    most: int = 0
    """0: any number."""

    def read(self, fields: Fields, key: str) -> list[yaml.MappingNode]:
        found = fields.mappings(key, self.example)
        if self.most and len(found) > self.most:
            fields.source.wrong(fields.key(key), f"{key} has {len(found)} entries", f"the most is {self.most}")
        return found

    def schema(self) -> Schema:
        bounds = {"minItems": self.least, "maxItems": self.most}
        items = {"type": "array", "items": {"$ref": f"#/$defs/{self.mapping}"}}
        return items | {name: bound for name, bound in bounds.items() if bound}
