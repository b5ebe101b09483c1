"""Connections that stay open between calls, used by several threads."""

import weakref
from collections import deque
from contextlib import suppress
from typing import Final

from refresher.net.direct import Connection, Deadline, Peer, Reply, StaleError
from refresher.ports import Clock

_LIFE: Final = 30.0
"""Seconds. A connection that was idle for longer is often dead behind a firewall, and nobody says
so."""

_Idle = tuple[float, Connection]


class Pool:
    """Connections to one peer; at most `kept` of them stay open while nobody uses them."""

    def __init__(self, peer: Peer, clock: Clock, *, kept: int, connect: float, limit: int) -> None:
        """Connect to nobody yet. `connect` is in seconds, `limit` in bytes of an answer."""
        self.peer = peer
        self._clock = clock
        self._kept = kept
        self._connect = connect
        self._limit = limit
        self._idle: deque[_Idle] = deque()
        # Sinks are not closed: who lets go of one lets go of its connections.
        weakref.finalize(self, _closed, self._idle)

    def ask(self, method: str, request: bytes, deadline: Deadline) -> Reply:
        """Send a request and return the answer; see `Connection.ask` for what is raised.

        Where a connection turns out to be closed since its last use, the request is sent once
        more over a new one: it must be one that may be repeated.
        """
        connection = self._waiting()
        if connection is not None:
            with suppress(StaleError):
                return self._ask(connection, method, request, deadline)
            # What has closed one has most likely closed them all.
            self.close()
        return self._ask(self._new(deadline), method, request, deadline)

    def close(self) -> None:
        """Close the connections that nobody uses; those in use are closed or kept as ever."""
        _closed(self._idle)

    def _ask(
        self, connection: Connection, method: str, request: bytes, deadline: Deadline
    ) -> Reply:
        try:
            reply, again = connection.ask(method, request, self._limit, deadline)
        except BaseException:
            connection.close()
            raise
        if again and len(self._idle) < self._kept:
            self._idle.append((self._clock.monotonic(), connection))
        else:
            connection.close()
        return reply

    def _new(self, deadline: Deadline) -> Connection:
        return Connection(self.peer, self._connect, deadline)

    def _waiting(self) -> Connection | None:
        """Return the connection that was used last, None if there is none that is young enough."""
        with suppress(IndexError):
            since, connection = self._idle.pop()
            if 0 <= self._clock.monotonic() - since < _LIFE:
                return connection
            connection.close()
            self.close()
        return None


def _closed(idle: deque[_Idle]) -> None:
    with suppress(IndexError):
        while True:
            idle.popleft()[1].close()
