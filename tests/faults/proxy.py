"""A TCP proxy before a broker that understands just enough of Kafka to spoil the end of a transaction."""

import asyncio
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Literal, TypeAlias

HOST: Final = "127.0.0.1"
END_TXN: Final = 26
START_S: Final = 10.0

How: TypeAlias = Literal["lose", "delay", "drop", "reset"]
HOWS: Final[tuple[How, ...]] = ("lose", "delay", "drop", "reset")
"""lose: the request never comes to the broker, the connection breaks. The others let the broker do it, then: the answer
comes late; it never comes; the connection breaks in its place."""


class Proxy:
    """Has a thread and a loop of its own. Does nothing to the traffic until it is armed."""

    def __init__(self) -> None:
        self.struck = 0
        self._armed: list[tuple[How, float]] = []
        self._upstream = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._port = 0
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(START_S), "the proxy does not start"

    @property
    def address(self) -> str:
        """`host:port`, where clients come in."""
        return f"{HOST}:{self._port}"

    def lead_to(self, port: int) -> None:
        """Sets the address of the broker."""
        self._upstream = port

    def arm(self, how: How, *, for_s: float = 0.0) -> None:
        """The next end of a transaction is spoilt; `for_s`: how late an answer comes."""
        self._loop.call_soon_threadsafe(self._armed.append, (how, for_s))

    def disarm(self) -> None:
        """Nothing is spoilt any more."""
        self._loop.call_soon_threadsafe(self._armed.clear)

    def stop(self) -> None:
        """All connections break."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, 0))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(_turn())
        self._loop.close()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            broker, to_broker = await asyncio.open_connection(HOST, self._upstream)
        except OSError:
            to_client.close()
            return
        spoilt: dict[int, tuple[How, float]] = {}

        async def requests() -> None:
            while (frame := await _frame(client)) is not None:
                key, _, correlation = struct.unpack_from(">hhi", frame)
                if key == END_TXN and self._armed:
                    self.struck += 1
                    spoilt[correlation] = self._armed.pop(0)
                    if spoilt[correlation][0] == "lose":
                        return
                await _send(to_broker, frame)

        async def answers() -> None:
            while (frame := await _frame(broker)) is not None:
                (correlation,) = struct.unpack_from(">i", frame)
                how, for_s = spoilt.pop(correlation, ("", 0.0))
                if how == "reset":
                    return
                if how == "delay":
                    await _pause(for_s)
                if how != "drop":
                    await _send(to_client, frame)

        await _until_one_ends(requests, answers)
        for writer in (to_client, to_broker):
            transport = writer.transport
            transport.abort()


async def _until_one_ends(*directions: Callable[[], Awaitable[None]]) -> None:
    tasks = [asyncio.ensure_future(direction()) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _frame(reader: asyncio.StreamReader) -> bytes | None:
    with suppress(asyncio.IncompleteReadError, OSError):
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        return await reader.readexactly(size)
    return None


async def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    with suppress(OSError):
        writer.write(struct.pack(">i", len(frame)) + frame)
        await writer.drain()


async def _pause(for_s: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), for_s)


async def _turn() -> None:
    """One turn of the loop, so that what was cancelled ends."""
