"""Plain JSON values out of YAML nodes, by the core schema of YAML 1.2: `no` and `2026-01-05` are texts."""

import math
import re
from typing import Any

import yaml

from app.events.message import whole
from app.segments.definitions.yaml_source import YamlSource

_WHOLE = re.compile(r"[-+]?[0-9]+")
_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def json_value(source: YamlSource, node: yaml.Node) -> Any:
    """The value of a node: texts, numbers, booleans, None, lists and dicts of these. Problems go to the source."""
    if not source.visit(node):
        return None
    if isinstance(node, yaml.ScalarNode):
        return scalar_value(node)
    if isinstance(node, yaml.SequenceNode):
        return [json_value(source, item) for item in node.value]
    assert isinstance(node, yaml.MappingNode)
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            source.wrong(key, "a key is a word, not a list or a mapping", "put the value in double quotes")
        elif key.value in values:
            source.wrong(key, f"{key.value} appears twice", "leave one of them out")
        else:
            values[key.value] = json_value(source, value)
    return values


def scalar_value(node: yaml.ScalarNode) -> Any:
    """The value of a scalar; what stands in quotes or a block is a text."""
    text: str = node.value
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        number = whole(text)
        return math.inf if number is None else number
    if _FRACTION.fullmatch(text):
        return float(text)
    return text
