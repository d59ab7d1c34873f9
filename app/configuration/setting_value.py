"""Reads, checks and shows the values of settings."""

from collections.abc import Callable, Mapping
from dataclasses import Field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from app.errors import UserError
from app.segments.language.durations import DurationError, format_duration, parse_duration
from app.segments.language.suggestions import closest, listed

SHIPPED: Final = Path(str(files("app"))).parent / "deploy"
"""Files that come with Shoal, beside its packages in a checkout as in an installation."""


def parse_value(each: "Field[Any]", raw: str, *, where: str) -> Any:
    """Reads the value of a setting from text. UserError, with its name `where`, if the value is not allowed."""
    reader = _READERS.get(each.type if each.type in _READERS else None)
    if each.name.endswith("_ms"):
        reader = _duration
    try:
        value = _choice(each.type, raw) if get_origin(each.type) is Literal else reader(raw) if reader else raw
    except ValueError as error:
        detail = None if each.metadata["secret"] else str(error) or None
        raise UserError(
            f"{where} is {_quoted(each, raw)}", detail=detail, hint=f"allowed: {allowed_values(each)}"
        ) from None
    check_bounds(each, value, where=where)
    return value


def check_bounds(each: "Field[Any]", value: Any, *, where: str) -> None:
    """Raises UserError if a value is none of the choices, or out of bounds."""
    low, high = each.metadata["low"], each.metadata["high"]
    if get_origin(each.type) is Literal:
        if value not in get_args(each.type):
            raise UserError(f"{where} is {value!r}", hint=f"allowed: {allowed_values(each)}")
    elif (low is not None and value < low) or (high is not None and value > high):
        raise UserError(f"{where} is {shown(each, value)}", hint=f"allowed: {allowed_values(each)}")


def _choice(type_: Any, raw: str) -> str:
    value = raw.lower().replace("_", "-")
    if value not in get_args(type_):
        raise ValueError
    return value


def _duration(raw: str) -> int:
    try:
        return parse_duration(raw)
    except DurationError as error:
        raise ValueError(f"{error.message}: {error.hint}" if error.hint else error.message) from None


def _switch(raw: str) -> bool:
    word = raw.lower()
    if word in {"on", "true", "yes", "1"}:
        return True
    if word in {"off", "false", "no", "0"}:
        return False
    raise ValueError


def _whole(raw: str) -> int:
    try:
        return int(raw.replace("_", ""))
    except ValueError:
        raise ValueError("not a whole number") from None


def _number(raw: str) -> float:
    try:
        return float(raw)
    except ValueError:
        raise ValueError("not a number") from None


_READERS: dict[Any, Callable[[str], Any]] = {int: _whole, float: _number, bool: _switch, Path: Path}


def allowed_values(each: "Field[Any]") -> str:
    """Values that a setting may have, in words."""
    if get_origin(each.type) is Literal:
        return ", ".join(get_args(each.type))
    if each.type is bool:
        return "on, off"
    low, high = each.metadata["low"], each.metadata["high"]
    if low is None:
        return "a path" if each.type is Path else "text"
    kind = "a duration" if each.name.endswith("_ms") else "a number" if each.type is float else "a whole number"
    return f"{kind} from {shown(each, low)} to {shown(each, high)}"


def shown(each: "Field[Any]", value: Any) -> str:
    """A value as it is written in the environment; a path of a shipped file without the folder of the installation."""
    if each.name.endswith("_ms"):
        return format_duration(int(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Path) and value.is_relative_to(SHIPPED):
        return value.relative_to(SHIPPED.parent).as_posix()
    return str(value)


def _quoted(each: "Field[Any]", raw: str) -> str:
    return "wrong (its value is a secret)" if each.metadata["secret"] else repr(raw)


def nearest_setting(name: str, known: Mapping[str, object]) -> str:
    """Hint at the setting of which a name is a slip of the pen, or at those that have it as a part of theirs."""
    word = name.removeprefix("SHOAL_")
    words = {each.removeprefix("SHOAL_"): each for each in known}
    guess = closest(word, words)
    near = [guess] if guess else [each for each in sorted(words) if f"_{word}_" in f"_{each}_"][:3]
    if not near:
        return "docs/settings.md lists them all"
    return f"did you mean {listed((words[each] for each in near), joint='or')}?"
