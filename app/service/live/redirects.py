"""The way from a key to the user whom it belongs to, by identity events. Pure."""

from app.runtime.records.identity_events import MOVES, REFUSALS, IdentityEvent


def path_after(path: tuple[str, ...], event: IdentityEvent) -> tuple[str, ...]:
    """A path of keys, each moved to the next, after an identity event.

    >>> moved = IdentityEvent(id="", source="a-1", to="ann", at="", why="seen", result="given")
    >>> path_after(("a-1",), moved)
    ('a-1', 'ann')
    >>> path_after(("a-1", "ann"), IdentityEvent(id="", source="a-1", to="ann", at="", why="", result="released"))
    ('a-1',)
    """
    if event.source not in path or event.result.startswith(REFUSALS):
        return path
    kept = path[: path.index(event.source) + 1]
    following = path[len(kept) : len(kept) + 1]
    if event.result in MOVES:
        return path if following == (event.to,) or event.to in kept else (*kept, event.to)
    return kept if following == (event.to,) else path
