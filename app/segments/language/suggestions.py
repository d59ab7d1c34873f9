"""Guesses which name was meant by a misspelled one."""

from collections.abc import Iterable

_COMPARED_MAX = 200
"""Characters of a name that are compared."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` is a slip of the pen of, or None.

    A slip: one wrong, missing, additional or swapped letter in a short name, two from six letters on, three from
    twelve on. Case, `-`, `_` and blanks do not count. A name that is merely similar is no guess: `median` is not `min`.

    >>> closest("revenu", ["revenue", "price"]), closest("median", ["min", "max"])
    ('revenue', None)
    """
    meant = _plain(word)
    best: tuple[int, str] | None = None
    for candidate in sorted(known):
        distance = _distance(meant, _plain(candidate), most=_slips_max(meant))
        if distance is not None and (best is None or distance < best[0]):
            best = distance, candidate
    return None if best is None else best[1]


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`did you mean cart.items?`, or an empty text if no known word is close."""
    match = closest(word, known)
    return f"did you mean {prefix}{match}?" if match else ""


def listed(words: Iterable[str], *, joint: str = "and") -> str:
    """`a, b and c`."""
    *first, last = list(words)
    return f"{', '.join(first)} {joint} {last}" if first else last


def _plain(name: str) -> str:
    folded = name[:_COMPARED_MAX].casefold()
    return folded.translate(_NO_SEPARATORS) or folded


_NO_SEPARATORS = dict.fromkeys(map(ord, "-_ "))


def _slips_max(word: str) -> int:
    if len(word) < 6:
        return 1 if len(word) > 2 else 0
    return 2 if len(word) < 12 else 3


def _distance(a: str, b: str, *, most: int) -> int | None:
    """Wrong, missing, additional and swapped letters between two texts; None if there are more than `most`."""
    if abs(len(a) - len(b)) > most:
        return None
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        last, before, row = before, row, [i]
        for j, y in enumerate(b, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None
