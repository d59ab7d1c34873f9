"""One live stream: the changes that it wants, in a queue between the one who reads the topic and the one who sends."""

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Final

import msgspec

from tables.counted import Counted
from tables.values import Scalar, key_of

QUEUE_MAX: Final = 2_000

Positions = dict[int, int]


class _Head(msgspec.Struct):
    segment: str
    value: Scalar | None = None


_head_of: Final = msgspec.json.Decoder(_Head).decode


class Listener:
    """One live stream. `user` None: all users; `segments` empty: all segments; `values` None: all changes, else
    those by one of these keys of values.

    `positions`: partition -> the offset behind what has been given out, or passed over. `path`: the key that was asked
    for, and those that it has moved to one after the other; `user` is the last. `has_turned`: the user is another one
    than the client was told of. `is_visitor`: with a token. `follows`: it goes along when its key moves.
    """

    def __init__(
        self,
        *,
        user: str | None,
        segments: frozenset[str],
        positions: Positions,
        is_visitor: bool = False,
        follows: bool = True,
        values: Collection[str] | None = None,
    ) -> None:
        self.values = values
        self.path: tuple[str, ...] = () if user is None else (user,)
        self.key = None if user is None else user.encode()
        self.segments = segments
        self.is_visitor = is_visitor
        self.follows = follows
        self.has_turned = False
        self.positions = positions
        self.ended: str | None = None
        self.end_reached = asyncio.Event()
        self._queue: deque[tuple[int, int, bytes]] = deque()
        self._news = asyncio.Event()

    @property
    def asked(self) -> str | None:
        """The key that was asked for; None: all users."""
        return self.path[0] if self.path else None

    @property
    def user(self) -> str | None:
        """The user whose changes are sent: another one than was asked for where that key has moved."""
        return self.path[-1] if self.path else None

    def turn_to(self, path: tuple[str, ...], positions: Positions) -> None:
        """Its key has moved, or is its own again: what waits here is of another user than what comes."""
        self.path, self.key, self.positions = path, path[-1].encode(), positions
        self._queue.clear()
        self.has_turned = True
        self._news.set()

    def wants(self, key: bytes | None, value: bytes | None) -> bool:
        """True if a record is for this listener."""
        if value is None or (self.key is not None and key != self.key):
            return False
        if not self.segments and self.values is None:
            return True
        try:
            head = _head_of(value)
            return (not self.segments or head.segment in self.segments) and self.is_by(head.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False

    def is_by(self, value: Scalar | None) -> bool:
        """True if what is by this value is wanted; None: by none."""
        return self.values is None or (value is not None and key_of(value, Counted()) in self.values)

    def offer(self, partition: int, offset: int, value: bytes) -> None:
        """A record that it wants. With too many waiting it is ended."""
        if self.ended is None:
            if len(self._queue) >= QUEUE_MAX:
                self.end("too-slow")
                return
            self._queue.append((partition, offset, value))
            self._news.set()

    def end(self, reason: str) -> None:
        """Nothing more comes."""
        if self.ended is None:
            self.ended = reason
            self._queue.clear()
            self._news.set()
            self.end_reached.set()

    async def next(self, *, within_s: float) -> list[tuple[Positions, bytes]]:
        """Returns new changes with the positions behind each, at the latest after so many seconds; perhaps none."""
        if not self._queue and self.ended is None and not self.has_turned:
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        self._news.clear()
        found = []
        while self._queue:
            partition, offset, value = self._queue.popleft()
            if offset >= self.positions.get(partition, 0):
                self.positions[partition] = offset + 1
                found.append((dict(self.positions), value))
        return found

    def pass_over(self, read: Positions) -> None:
        """So far has been read: what was not for this listener is behind it."""
        if not self._queue:
            for partition, offset in self.positions.items():
                self.positions[partition] = max(offset, read.get(partition, 0))
