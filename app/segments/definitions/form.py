"""A form of mappings in a definition file: their keys, types and rules, for readers and for editors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import yaml

from app.segments.definitions.value_types import Schema, ValueType
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Missing:
    """Problem of a key that must be there. `at`: the key at whose value it is shown; empty: at the whole mapping."""

    message: str
    hint: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Key(Generic[ValueT]):
    """A key of a mapping. `description`: one sentence for editors."""

    name: str
    type: ValueType[ValueT]
    description: str = ""
    missing: Missing | None = None

    def read(self, fields: Fields) -> ValueT:
        """The value in a mapping."""
        if self.missing is not None and self.name not in fields:
            fields.wrong(self.missing.at or self.name, self.missing.message, self.missing.hint)
        return self.type.read(fields, self.name)

    def schema(self) -> Schema:
        """The value for editors."""
        return self.type.schema() | ({"description": self.description} if self.description else {})


class Rule(Protocol):
    """A rule about several keys of a mapping: checked by the reader, described to editors."""

    def check(self, fields: Fields) -> None: ...

    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A mapping: its name in the schema, how messages call it, its keys and rules."""

    name: str
    what: str
    description: str
    keys: Sequence[Key[Any]]
    rules: Sequence[Rule] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its keys."""
        return tuple(key.name for key in self.keys)

    def fields(self, source: YamlSource, node: yaml.MappingNode) -> Fields:
        """The keys of such a mapping in a file; unknown ones are problems."""
        return Fields(source, node, self.names, self.what)

    def check(self, fields: Fields) -> None:
        """Checks the rules."""
        for rule in self.rules:
            rule.check(fields)

    def schema(self) -> Schema:
        """The mapping for editors."""
        made: Schema = {
            "type": "object",
            "description": self.description,
            "properties": {key.name: key.schema() for key in self.keys},
            "additionalProperties": False,
        }
        if required := [key.name for key in self.keys if key.missing is not None]:
            made["required"] = required
        for rule in self.rules:
            made |= rule.schema()
        return made
