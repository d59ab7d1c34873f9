"""Time zones by their names, and what was probably meant by another name."""

import re
from functools import cache
from zoneinfo import available_timezones

from app.segments.language.suggestions import closest

_LIKE_A_DATE = re.compile("birth|anniversary|date$|_(at|on)$")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}  # that of the computer


def is_zone(name: str) -> bool:
    """True if the time zone database has a zone of this name.

    >>> is_zone("Europe/Berlin"), is_zone("Berlin"), is_zone("europe/berlin")
    (True, False, False)
    """
    return name in _zones()


def zone_hint(name: str, *, quoted: bool = True) -> str:
    """Returns a hint for a zone that does not exist."""
    zones = _zones()
    city = {zone.rsplit("/", 1)[-1].lower(): zone for zone in sorted(zones)}
    guess = city.get(name.strip().lower().replace(" ", "_")) or closest(name, zones)
    mark = "'" if quoted else ""
    if guess:
        return f"did you mean {mark}{guess}{mark}?"
    return f"write {mark}UTC{mark} or a zone such as {mark}Europe/Berlin{mark}"


def is_named_like_a_date(name: str) -> bool:
    """True if the name of a trait says that it holds a date, and so no time zone.

    >>> is_named_like_a_date("birthday"), is_named_like_a_date("created_at"), is_named_like_a_date("timezone")
    (True, True, False)
    """
    return _LIKE_A_DATE.search(name.lower()) is not None
