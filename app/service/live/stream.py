"""Live changes as server-sent events, with resume: the id of each is the position behind it.

`event: segments` tells what a user is in at the beginning, and when a login has moved the key (where Redis knows it),
`event: change` is a change as in the topic, `event: reset` says that something was missed and that what is known must
be read again. A block that has only an id is the heartbeat: browsers remember it, so that coming back is cheap also
after a long silence.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send
from msgspec import UNSET

from app.segments.evaluation.change import change_id
from app.service.access.access import Access, Reader
from app.service.http.http_problem import Problem
from app.service.live.changes import ChangesHub, TooFarBackError
from app.service.live.listener import Listener, Positions
from app.service.questions.memberships import Memberships, Snapshot
from app.service.questions.queries import user_segments
from app.service.service_metrics import ServiceMetrics
from app.settings import Settings

SEND_TIMEOUT_S: Final = 20.0
END_TIMEOUT_S: Final = 1.0
RETRY_MS: Final = 2_000
OF_TWO_KEYS: Final = (b'"merged"', b'"split"')
CAUSE_OF_VISITORS: Final = ("kind", "message_id")
ELSEWHERE: Final = "moved"
"""The id of a stream whose key has moved: who comes back with it is told anew what the user is in."""
SEGMENTS_MAX: Final = 50
VALUES_MAX: Final = 100
ID_CHARACTERS_MAX: Final = 20_000
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Streams:
    """Dependencies of live streams."""

    def __init__(
        self, settings: Settings, access: Access, hub: ChangesHub, memberships: Memberships, metrics: ServiceMetrics
    ) -> None:
        self.access = access
        self.hub = hub
        self.memberships = memberships
        self.metrics = metrics
        self.heartbeat_s = settings.stream_heartbeat_ms / 1000

    async def begin(
        self, reader: Reader, *, segments: frozenset[str], last_id: str | None, values: Collection[str] | None = None
    ) -> "LiveStream":
        """A stream that is about to be sent; `values`: keys of those that it is about. Problem 503."""
        listener = self.hub.listen(
            user=reader.user, segments=segments, is_visitor=reader.is_visitor, follows=reader.follows, values=values
        )
        try:
            first = await self._first(listener, last_id)
        except BaseException:
            self.hub.forget(listener)
            raise
        return LiveStream(self, listener, first, until_s=reader.until_s)

    async def _first(self, listener: Listener, last_id: str | None) -> list[bytes]:
        """Yields what comes before new changes: the missed changes, or the present state."""
        blocks = [f"retry: {RETRY_MS}\n\n".encode()]
        since = None if last_id is None else read_id(last_id)
        snapshot = await self._look_up(listener)
        if since is not None and len(listener.path) < 2:
            try:
                missed = await self.hub.replay(listener, since)
                return blocks + [change_block(listener, value, behind) for behind, value in missed]
            except TooFarBackError:
                pass
        return blocks + await self._standing(listener, snapshot, resumed=last_id is not None)

    async def turned(self, listener: Listener) -> list[bytes]:
        """Returns what comes after the key of a stream has moved: what the user is in now."""
        listener.has_turned = False
        return await self._standing(listener, await self._look_up(listener), resumed=True)

    async def _look_up(self, listener: Listener) -> Snapshot | None:
        """Turns a listener to the user whom its key belongs to, and returns what the user is in; None if unknown."""
        if listener.asked is None or not self.memberships.known:
            return None
        try:
            snapshot = await self.memberships.of(listener.asked, follows=listener.follows)
            path = snapshot.path
            if listener.follows:
                path = await self.hub.follow_path(path, snapshot.redirects)
            if path[-1] != snapshot.user:  # Redis is behind
                snapshot = await self.memberships.of(path[-1], follows=len(path) > len(snapshot.path))
                path = (*path[:-1], *snapshot.path)
        except (Problem, TooFarBackError):
            return None
        self.hub.turn(listener, path)
        listener.has_turned = False
        return snapshot

    async def _standing(self, listener: Listener, snapshot: Snapshot | None, *, resumed: bool) -> list[bytes]:
        """Returns the memberships of the user, and the changes since."""
        if snapshot is not None and snapshot.offset is not None and listener.asked is not None:
            positions = {snapshot.partition: snapshot.offset}
            said = user_segments(listener.asked, snapshot, is_visitor=listener.is_visitor)
            wanted = [
                each
                for each in said.segments
                if (not listener.segments or each.segment in listener.segments)
                and listener.is_by(None if each.value is UNSET else each.value)
            ]
            said = msgspec.structs.replace(said, segments=wanted)
            try:
                missed = await self.hub.replay(listener, positions)
            except TooFarBackError:
                pass  # without it, the stream begins now
            else:
                blocks = [block("segments", msgspec.json.encode(said), id_of(listener, positions))]
                return blocks + [change_block(listener, value, behind) for behind, value in missed]
        if resumed:
            return [block("reset", b'{"reason":"too far back"}', id_of(listener, listener.positions))]
        return []


def change_block(listener: Listener, value: bytes, behind: Positions) -> bytes:
    """A change as this listener may see it: a visitor is not told the ids of other keys of a person."""
    if listener.is_visitor and (len(listener.path) > 1 or any(name in value for name in OF_TWO_KEYS)):
        change = msgspec.json.decode(value)
        change["cause"] = {name: each for name, each in change["cause"].items() if name in CAUSE_OF_VISITORS}
        if change["user"] != listener.asked:
            # The id is a hash of the user's: whoever guesses that could tell that they are right.
            change |= {"user": listener.asked, "id": change_id(listener.asked or "", change["sequence"])}
        value = msgspec.json.encode(change)
    return block("change", value, id_of(listener, behind))


class LiveStream:
    """An answer that goes on until the client leaves, is too slow, or the service ends."""

    def __init__(self, streams: Streams, listener: Listener, first: list[bytes], *, until_s: float | None) -> None:
        self._streams = streams
        self._listener = listener
        self._first = first
        self._until_s = until_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends; the ASGI way."""
        metrics = self._streams.metrics
        metrics.stream_opened()
        leaving = asyncio.create_task(_left(receive))
        sending = asyncio.create_task(self._send(send))
        ending = asyncio.create_task(self._listener.end_reached.wait())
        tasks = (leaving, sending, ending)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if ending in done:  # `sending` notices it, too, unless its client reads nothing
                await asyncio.wait([sending], timeout=END_TIMEOUT_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._streams.hub.forget(self._listener)
            metrics.stream_closed()
            if self._listener.ended is not None:
                metrics.stream_ended(self._listener.ended)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        try:
            async for chunk in self._chunks():
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            self._listener.end("too-slow")
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncIterator[bytes]:
        listener, hub = self._listener, self._streams.hub
        yield b"".join(self._first) + id_block(id_of(listener, listener.positions))
        self._first = []
        while listener.ended is None:
            if self._until_s is not None and time.time() >= self._until_s:
                listener.end("token-over")
                break
            if listener.has_turned:
                yield b"".join(await self._streams.turned(listener))
                continue
            found = await listener.next(within_s=self._streams.heartbeat_s)
            if found:
                yield b"".join(change_block(listener, value, behind) for behind, value in found)
                self._streams.metrics.streamed(len(found))
            elif listener.ended is None:
                hub.pass_over(listener)
                yield id_block(id_of(listener, listener.positions))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def id_of(listener: Listener, positions: Positions) -> Positions:
    """The positions to come back with; none for a key that has moved, as it may have become another's meanwhile."""
    return {} if len(listener.path) > 1 else positions


def block(event: str, data: bytes, positions: Positions) -> bytes:
    """One event with its id."""
    return id_line(positions) + _event(event, data)


def _event(event: str, data: bytes) -> bytes:
    lines = b"".join(b"data: " + line + b"\n" for line in data.replace(b"\r", b"\n").split(b"\n"))
    return b"event: " + event.encode() + b"\n" + lines + b"\n"


def id_line(positions: Positions) -> bytes:
    """`id: partition:offset,...`

    >>> id_line({0: 17, 3: 5})
    b'id: 0:17,3:5\\n'
    >>> id_line({})
    b'id: moved\\n'
    """
    text = ",".join(f"{partition}:{offset}" for partition, offset in positions.items()) or ELSEWHERE
    return b"id: " + text.encode() + b"\n"


def id_block(positions: Positions) -> bytes:
    """The heartbeat: nothing but a position."""
    return id_line(positions) + b"\n"


def read_id(text: str) -> Positions | None:
    """The positions of an id; None for what is none.

    >>> read_id("0:17,3:5")
    {0: 17, 3: 5}
    """
    if len(text) > ID_CHARACTERS_MAX:
        return None
    found: Positions = {}
    for part in text.split(","):
        partition, colon, offset = part.partition(":")
        if not (colon and partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
            return None
        if len(offset) > 18 or len(partition) > 6:
            return None
        found[int(partition)] = int(offset)
    return found
