"""Bytes that states take in an encoded profile: MessagePack, counted by the form of each state."""

from dataclasses import dataclass
from typing import Final

from tables.cut_texts import TEXT_BYTES_KEY_MAX, TEXT_BYTES_MATCHED_MAX, TEXT_BYTES_VALUE_MAX
from tables.values import LIST_ITEMS_MAX

INSTANT: Final = 9
NUMBER: Final = 9
HEADER: Final = 3
KEY_MAX: Final = TEXT_BYTES_KEY_MAX + 3
TEXT_MAX: Final = TEXT_BYTES_VALUE_MAX + 3
MATCHED_MAX: Final = TEXT_BYTES_MATCHED_MAX + 2
VALUE_MAX: Final = max(TEXT_MAX, HEADER + LIST_ITEMS_MAX * MATCHED_MAX)

TYPICAL_EVENTS: Final = 3
KEY_TYPICAL: Final = 10
VALUE_TYPICAL: Final = 12


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the encoded profile: for three events of three different values, and what the limits allow."""

    typical: int
    most: int

    def __add__(self, other: "Size") -> "Size":
        return Size(self.typical + other.typical, self.most + other.most)

    def times(self, typical: int, most: int) -> "Size":
        """So many of them, with the header of their list or map."""
        return Size(self.typical * typical + 1, self.most * most + HEADER)


NOTHING: Final = Size(0, 0)
AN_INSTANT: Final = Size(INSTANT, INSTANT)
A_NUMBER: Final = Size(2, NUMBER)
A_KEY: Final = Size(KEY_TYPICAL, KEY_MAX)
A_MATCHED_KEY: Final = Size(KEY_TYPICAL, MATCHED_MAX)
A_VALUE: Final = Size(VALUE_TYPICAL, VALUE_MAX)


@dataclass(frozen=True, slots=True)
class StateSize:
    """The size of a state, and the limits that hold it, in words."""

    size: Size
    limits: tuple[str, ...] = ()


def items_limit() -> str:
    """The limit of items of a remembered list, in words."""
    return f"{LIST_ITEMS_MAX} items of a list"
