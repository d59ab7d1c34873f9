"""Names of segments, made of the titles that people gave them elsewhere."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_LENGTH_MAX: Final = 60


def segment_name(title: str, taken: Collection[str], fallback: str) -> str:
    """A name that is not taken yet.

    >>> segment_name("Été: 30 Tage aktiv!", {"ete-30-tage-aktiv"}, "segment")
    'ete-30-tage-aktiv-2'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = _NOT_IN_NAMES.sub("-", plain)[:_LENGTH_MAX].strip("-") or fallback
    if name not in taken:
        return name
    number = 2
    while f"{name[: _LENGTH_MAX - 5]}-{number}" in taken:
        number += 1
    return f"{name[: _LENGTH_MAX - 5]}-{number}"
