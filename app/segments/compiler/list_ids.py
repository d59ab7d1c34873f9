"""Static lists in generated code: the features of segments that read them, and the ids in profiles."""

from app.segments.compiler.aggregates import stable_id

LISTS, LIST = "lists", "list "
"""Feature of segments that read any static list, and the beginning of that of those that read one."""


def listed(feature: str) -> str | None:
    """The name of the static list that segments with this feature read; None for another feature."""
    return feature.removeprefix(LIST) if feature.startswith(LIST) else None


def list_id(name: str) -> int:
    """The stable id under which a profile remembers whether the user is on a static list."""
    return stable_id(LIST + name)
