"""Items of lists in what was sent. A list is a list; any other value counts as a list of itself; null is nothing."""

from typing import Any


def items_of(said: Any, path: tuple[str, ...]) -> list[Any] | None:
    """The items at a path, on which lists are gone through; None where nothing is."""
    if path:
        if isinstance(said, list):
            below = [items_of(one, path) for one in said if isinstance(one, dict)]
            there = [items for items in below if items is not None]
            return [one for items in there for one in items] if there else None
        return items_of(said.get(path[0]), path[1:]) if isinstance(said, dict) else None
    if said is None:
        return None
    return [one for one in said if one is not None] if isinstance(said, list) else [said]


def objects_of(said: Any, path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The items that are objects."""
    return [one for one in items_of(said, path) or [] if isinstance(one, dict)]


def shared(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The longest path to what all paths lie in."""
    first = paths[0]
    most = min(len(path) - 1 for path in paths)
    size = max(size for size in range(most + 1) if all(path[:size] == first[:size] for path in paths))
    return first[:size]
