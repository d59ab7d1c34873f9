"""Ids of users: the values of `userId` and `anonymousId` that name somebody.

Programs that do not know a user send what they have: `undefined`, `null`, `[object Object]`, blanks, zeros. Taken for
ids, these make one user of all strangers. Such values are blocked: an event is then of its other id, or of nobody.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

#: The lists of Segment Unify and PostHog, compared without case, quotes and blanks around them.
BLOCKED_IDS: Final = (
    "0",
    "-1",
    "undefined",
    "null",
    "none",
    "nil",
    "nan",
    "[object object]",
    "true",
    "false",
    "anonymous",
    "guest",
    "not_authenticated",
    "unknown",
    "id",
    "distinctid",
    "distinct_id",
    "userid",
    "user_id",
    "email",
)
ZERO: Final = "0"
"""In the list it stands for every text of zeros and dashes alone, such as the UUID without a value."""
_AROUND: Final = " \t\r\n\"'`"


def blocked_ids(text: str) -> frozenset[str]:
    """The ids of a setting, separated by commas, as they are compared.

    >>> sorted(blocked_ids("NULL, test-user"))
    ['null', 'test-user']
    """
    return frozenset(bare for part in text.split(",") if (bare := bare_id(part)))


@dataclass(frozen=True, slots=True)
class UserIds:
    """Tells ids from values that name nobody. `blocked`: as `blocked_ids` gives them."""

    hides: ClassVar[bool] = False
    """True if ids become pseudonyms: nothing of an original id may be written."""

    blocked: frozenset[str] = frozenset(BLOCKED_IDS)
    blocked_ascii: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """Those that are ASCII, for the fast path, which leaves all other ids alone."""

    def __post_init__(self) -> None:
        ascii_ids = tuple(sorted(text.encode() for text in self.blocked if text.isascii()))
        object.__setattr__(self, "blocked_ascii", ascii_ids)

    def id_of(self, value: Any) -> str | None:
        """The id as it is kept: without blanks around it, a whole number as text. None for what is no id.

        >>> UserIds().id_of(" u-42 "), UserIds().id_of(1234.0), UserIds().id_of("Undefined"), UserIds().id_of("0000-00")
        ('u-42', '1234', None, None)
        """
        if value.__class__ is not str:
            if value.__class__ is float and math.isfinite(value) and value == int(value):
                value = int(value)
            if value.__class__ is not int:
                return None
            value = str(value)
        text: str = value.strip()
        bare = bare_id(text)
        if not bare or bare in self.blocked or (ZERO in self.blocked and not bare.strip("0-")):
            return None
        return text

    def key_of(self, text: str) -> str:
        """The key of a person whom a question names: the text itself, where ids are no pseudonyms."""
        return text

    def cover(self, event: dict[str, Any]) -> None:
        """Replaces ids in an event by pseudonyms, in place: here nothing, as ids are none."""

    def user_in(self, event: Mapping[str, Any]) -> str | None:
        """The user of an event: its `userId`, else its `anonymousId`; None if neither names one."""
        return self.id_of(event.get("userId")) or self.id_of(event.get("anonymousId"))


USUAL_IDS: Final = UserIds()
"""With the list that is the default."""


def bare_id(text: str) -> str:
    """The id as it is compared with those that are blocked: without case, and without quotes and blanks around it."""
    return text.strip(_AROUND).casefold()
