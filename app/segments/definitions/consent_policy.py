"""Policy of consent: the purposes that users agree to, and where events say so. `consent.yaml` says it."""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from app.segments.definitions.definition_format import (
    CATEGORY,
    COLLECT,
    CONSENT_FROM,
    CONSENT_FROM_USUAL,
    PURPOSE,
    PURPOSE_DEFAULT,
    PURPOSES,
    PURPOSES_MAX,
)
from app.segments.definitions.yaml_fields import Fields

GRANTED: Final = "granted"
_PURPOSE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FROM: Final = re.compile(r"context(\.[A-Za-z_][A-Za-z0-9_-]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose. granted: as long as a user has said nothing. path: of the value in the context that says it.

    collect: the collector does not take an event that denies it."""

    granted: bool
    path: tuple[str, ...]
    collect: bool = False

    def is_granted(self, value: Any) -> bool:
        """True if the latest value in the context grants it; None: none is known.

        >>> Purpose(granted=False, path=("a",)).is_granted(True), Purpose(granted=True, path=("a",)).is_granted("no")
        (True, False)
        """
        return self.granted if value is None else value is True


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """All purposes, by name."""

    purposes: dict[str, Purpose]


def read_consent_policy(fields: Fields) -> ConsentPolicy:
    """The policy of a file. Problems are added to the file's."""
    source = CONSENT_FROM.read(fields)
    if not _FROM.fullmatch(source):
        fields.wrong(
            CONSENT_FROM.name, f"from is {source}, but must be a place in the context", f"write {CONSENT_FROM_USUAL}"
        )
    below = tuple(source.split(".")[1:])
    node = PURPOSES.read(fields)
    purposes: dict[str, Purpose] = {}
    if node is None:
        return ConsentPolicy(purposes)
    if not 0 < len(node.value) <= PURPOSES_MAX:
        fields.wrong(PURPOSES.name, f"there are {len(node.value)} purposes", f"name one to {PURPOSES_MAX}")
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not _PURPOSE_NAME.fullmatch(name):
            fields.source.wrong(
                key,
                f"{name or 'this'} cannot be the name of a purpose",
                "write lower-case letters, digits, - and _, and the name of the banner as category",
            )
        elif not isinstance(value, yaml.MappingNode):
            fields.source.wrong(
                value, f"the purpose {name} needs lines key: value", f"write {name}: {{default: denied}}"
            )
        elif fields.source.visit(value):
            own = PURPOSE.fields(fields.source, value)
            category = CATEGORY.read(own) or name
            purposes[name] = Purpose(
                granted=PURPOSE_DEFAULT.read(own) == GRANTED,
                path=(*below, category),
                collect=COLLECT.read(own) is True,
            )
    return ConsentPolicy(purposes)


def consent_meaning(policy: ConsentPolicy) -> dict[str, Any]:
    """All that makes a policy what it is, in one order."""
    return {
        name: [each.granted, *each.path, *([True] if each.collect else [])]
        for name, each in sorted(policy.purposes.items())
    }


def consent_text(policy: ConsentPolicy) -> str:
    """A policy for people, in one line."""
    said = [f"{name}: {'granted' if each.granted else 'denied'}" for name, each in sorted(policy.purposes.items())]
    return f"purposes by default {', '.join(said)}"
