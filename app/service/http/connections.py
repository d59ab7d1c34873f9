"""Open connections of a process: how many there may be, and which are closed to make room for others.

Connections that no request uses cost memory and a file each, and their clients come back when they need them. So the
one that was idle for longest makes room for a new one; then the one whose request has been arriving for longest.
Requests that are being answered, and live streams, are never cut off.
"""

import resource
from typing import Final, Protocol

FILES_KEPT: Final = 500
"""Open files that are not for clients: connections to Kafka and Redis, the log, what the interpreter reads."""


class Watcher(Protocol):
    """Counts connections."""

    def connections(self, count: int) -> None:
        """So many are open."""

    def connection_cut_off(self, state: str) -> None:
        """One was closed to make room, or not taken."""


class Closable(Protocol):
    """A connection."""

    def cut_off(self) -> None:
        """Closes it, without waiting for its client."""


class Connections:
    """The connections of one server, by what they wait for. Dicts, as these keep the order of coming in."""

    def __init__(self, connections_max: int, watcher: Watcher) -> None:
        assert connections_max > 0, connections_max
        self.connections_max = connections_max
        self._watcher = watcher
        self._open: set[Closable] = set()
        self._idle: dict[Closable, None] = {}
        self._receiving: dict[Closable, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Closable) -> bool:
        """A new connection, idle at first. False: there is no room, and none can be made."""
        if len(self._open) >= self.connections_max and not self._make_room():
            self._watcher.connection_cut_off("refused")
            return False
        self._open.add(connection)
        self._watcher.connections(len(self._open))
        self._idle[connection] = None
        return True

    def receives(self, connection: Closable) -> None:
        """The first byte of a request has come."""
        self._idle.pop(connection, None)
        if connection in self._open:
            self._receiving[connection] = None

    def answers(self, connection: Closable) -> None:
        """A request has come as a whole."""
        self._receiving.pop(connection, None)

    def idles(self, connection: Closable) -> None:
        """Its requests are answered."""
        self._receiving.pop(connection, None)
        if connection in self._open:
            self._idle[connection] = None

    def closed(self, connection: Closable) -> None:
        """Its end."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._receiving.pop(connection, None)
        self._watcher.connections(len(self._open))

    def _make_room(self) -> bool:
        for state, waiting in (("idle", self._idle), ("arriving", self._receiving)):
            for connection in waiting:
                self.closed(connection)
                self._watcher.connection_cut_off(state)
                connection.cut_off()
                return True
        return False


def connections_for(wanted: int) -> int:
    """As many connections as wanted, or as this process may have open files for, whose limit is raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + FILES_KEPT
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    if hard == resource.RLIM_INFINITY or hard > soft:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - min(FILES_KEPT, soft // 2)))
