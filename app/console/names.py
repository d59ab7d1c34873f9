"""Names that someone probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_SUGGESTIONS: Final = 3
_COMPARED_MAX: Final = 100_000
_LISTED_MAX: Final = 30


def suggestion(wanted: str, known: Iterable[str]) -> str | None:
    """A hint with the names that are most like the wanted one, or with all of a few; None if nothing comes near.

    >>> suggestion("cart-abandond", ["buyers", "cart-abandoned"])
    'did you mean cart-abandoned?'
    """
    names = sorted(known)
    begin = [name for name in names if name.startswith(wanted) or wanted.startswith(name)] if wanted else []
    found = begin or get_close_matches(wanted, names[:_COMPARED_MAX], n=_SUGGESTIONS)
    if found:
        return f"did you mean {' or '.join(found[:_SUGGESTIONS])}?"
    return f"there are {', '.join(names)}" if 0 < len(names) <= _LISTED_MAX else None
