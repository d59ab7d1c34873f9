"""One setting: its default, bounds, meaning and names, kept with the field of a dataclass."""

from dataclasses import Field, dataclass, field
from typing import Any


def setting(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    variable: str | None = None,
    secret: bool = False,
) -> Any:
    """One setting: `low` and `high` are its bounds, in its own unit; a `secret` is never shown."""
    metadata = {"meaning": meaning, "low": low, "high": high, "variable": variable, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


def variable_of(each: "Field[Any]") -> str:
    """The environment variable of a setting."""
    variable: str | None = each.metadata["variable"]
    return variable or "SHOAL_" + each.name.removesuffix("_ms").upper()


def option_of(each: "Field[Any]") -> str:
    """Returns the name of the setting on a command line."""
    return "--" + each.name.removesuffix("_ms").replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """Documentation of one setting."""

    name: str
    variable: str
    default: str
    allowed: str
    meaning: str
