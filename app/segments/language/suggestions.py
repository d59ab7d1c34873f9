"""Guessing what someone meant who misspelled a name."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that is most like `word`, or None if none is; `cutoff` from 0 (anything) to 1 (equal)."""
    candidates = sorted(known)
    folded = {candidate.lower().replace("-", "_"): candidate for candidate in reversed(candidates)}
    matches = get_close_matches(word.lower().replace("-", "_"), sorted(folded), n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`did you mean cart.items?`, or an empty text if no known word is close."""
    match = closest(word, known)
    return f"did you mean {prefix}{match}?" if match else ""


def listed(words: Iterable[str], *, joint: str = "and") -> str:
    """`a, b and c`."""
    *first, last = list(words)
    return f"{', '.join(first)} {joint} {last}" if first else last
