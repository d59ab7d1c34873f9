"""Functions that differ in nothing but numbers, texts and bound names share one code object.

A catalog has many segments of one form, `exists('A' within 1h)` and `exists('B' within 2h)`. Each would be code of its
own, which an event runs once: a thousand of them do not fit into the processor's cache, and then every step waits for
memory. What differs becomes a parameter with a default, so that a segment is no more than a few defaults.
"""

import ast
import re
from types import FunctionType
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?""",
)
_BOUND: Final = re.compile(r"[A-Z]+_\d+")
_HEAD: Final = re.compile(r"def (\w+)\((.*)\):\n")
_BEGINNING: Final = re.compile(r"^(?=def )", re.MULTILINE)
_PLACE: Final = "\x00"


def load(source: str, filename: str, names: dict[str, Any]) -> None:
    """Adds the functions of a module that has nothing else to `names`, which the module's names stand for."""
    forms: dict[str, list[str]] = {}
    for function in _BEGINNING.split(source):
        if function:
            forms.setdefault(_form(function), []).append(function)
    alone = [functions[0] for functions in forms.values() if len(functions) == 1]
    exec(compile("".join(alone), filename, "exec"), names)  # noqa: S102  # our own text
    for functions in forms.values():
        if len(functions) > 1:
            _load_shared(functions, filename, names)


def _form(function: str) -> str:
    """The text with a place instead of its name and of each token that may differ."""
    head = _HEAD.match(function)
    assert head is not None, function
    body = _TOKEN.sub(lambda token: _PLACE if _may_differ(token[0]) else token[0], function[head.end() :])
    return f"{head[2]}\n{body}"


def _may_differ(token: str) -> bool:
    return not (token[0].isalpha() or token[0] == "_") or _BOUND.fullmatch(token) is not None


def _load_shared(functions: list[str], filename: str, names: dict[str, Any]) -> None:
    heads = [_HEAD.match(function) for function in functions]
    tokens = [
        [token for token in _TOKEN.findall(function[head.end() :]) if _may_differ(token)]
        for function, head in zip(functions, heads, strict=True)
        if head is not None
    ]
    parameters: dict[tuple[str, ...], str] = {}
    shown: list[str] = []
    for column in zip(*tokens, strict=True):
        same = column.count(column[0]) == len(column)
        shown.append(column[0] if same else parameters.setdefault(column, f"_{len(parameters)}"))
    places = iter(shown)
    first, head = functions[0], heads[0]
    assert head is not None
    body = _TOKEN.sub(lambda token: next(places) if _may_differ(token[0]) else token[0], first[head.end() :])
    asked = ", ".join([head[2], *parameters.values()])
    shared: dict[str, Any] = {}
    exec(compile(f"def {head[1]}({asked}):\n{body}", filename, "exec"), shared)  # noqa: S102  # our own text
    code = shared[head[1]].__code__
    for number, each in enumerate(heads):
        assert each is not None
        defaults = tuple(_value(column[number], names) for column in parameters)
        names[each[1]] = FunctionType(code, names, each[1], defaults)


def _value(token: str, names: dict[str, Any]) -> Any:
    return names[token] if _BOUND.fullmatch(token) else ast.literal_eval(token)
