"""Events that benchmarks on a broker send."""

from collections.abc import Iterator
from typing import Protocol


class Load(Protocol):
    """`lines()`: the messages, in the order of sending, the same each time. `source`: in words."""

    @property
    def events(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def source(self) -> str: ...

    def lines(self) -> Iterator[bytes]: ...
