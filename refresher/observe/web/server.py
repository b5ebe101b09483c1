"""The HTTP server: waitress, kept from being held up by anybody.

Whoever asks for health is in a hurry, and may not wait for clients that are slow
on purpose. So a connection is for one request, it lives for ten seconds, and
when there are too many the oldest one makes room. The process has few threads for
this and few descriptors, whatever comes; at rest none of them wakes.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

_THREADS: Final = 2
_MOST_CONNECTIONS: Final = 100
_LIFE: Final = 10.0
_MOST_BYTES: Final = 16 * 1024
_IN_MEMORY: Final = 64 * 1024 * 1024
_BREATH: Final = 0.1
_DRAIN: Final = 0.3

Application = Callable[..., Iterable[bytes]]
"""A WSGI application (PEP 3333)."""


class Server:
    """Serves an application on sockets that listen, until `stopping` is set and `wake` called."""

    def __init__(
        self,
        application: Application,
        sockets: Sequence[socket.socket],
        stopping: threading.Event,
        *,
        life: float = _LIFE,
    ) -> None:
        """Take the sockets, which `serve` closes. `life` is a connection's, in seconds."""
        self._application = application
        self._sockets = sockets
        self._stopping = stopping
        self._life = life
        self._map: dict[int, Any] = {}
        self._doors: list[_Door] = []
        self._workers = ThreadedTaskDispatcher()
        # Two requests at once make it warn that one of them has to wait.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def serve(self) -> None:
        """Serve; returns when it was stopped, and then everything is closed."""
        try:
            self._workers.set_thread_count(_THREADS)
            self._open()
            while not self._stopping.is_set():
                wasyncore.loop(self._rest(), use_poll=True, map=self._map, count=1)
                self._close_old()
        finally:
            self._close()

    def wake(self) -> None:
        """Let `serve` look whether it should stop. May be called from any thread."""
        for door in self._doors[:1]:
            door.pull_trigger()

    def _open(self) -> None:
        adjustments = Adjustments(
            sockets=list(self._sockets),
            ident=None,
            # Never reached: at its own limit waitress serves nobody who comes later.
            connection_limit=10 * _MOST_CONNECTIONS,
            max_request_header_size=_MOST_BYTES,
            max_request_body_size=_MOST_BYTES,
            # A read-only file system has no place for temporary files.
            outbuf_overflow=_IN_MEMORY,
            log_socket_errors=False,
        )
        for each in self._sockets:
            door = _Door(
                self._application,
                self._map,
                _sock=each,
                dispatcher=self._workers,
                adj=adjustments,
                sockinfo=(each.family, each.type, each.proto, each.getsockname()),
                bind_socket=False,
            )
            self._doors.append(door)

    def _rest(self) -> float | None:
        """Return how long nothing has to be done unless somebody comes; None is for good."""
        ages = [each.age() for each in _connections(self._map)]
        return max(self._life - max(ages), 0.0) if ages else None

    def _close_old(self) -> None:
        for each in _connections(self._map):
            if each.age() >= self._life:
                each.handle_close()

    def _close(self) -> None:
        for connection in _connections(self._map):
            connection.handle_close()
        for door in self._doors:
            door.close()
        for each in self._sockets:
            each.close()
        self._workers.shutdown(timeout=_DRAIN)


class _Connection(HTTPChannel):  # type: ignore[misc] # waitress tells no types
    """A connection for one request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._born = time.monotonic()
        super().__init__(*args, **kwargs)

    def age(self) -> float:
        """Return the seconds since it was accepted."""
        return time.monotonic() - self._born

    def service(self) -> None:
        # A worker that goes on to a next request waits for the client to read the last answer.
        self.requests[0].headers["CONNECTION"] = "close"
        super().service()


class _Door(TcpWSGIServer):  # type: ignore[misc] # the same
    """A socket that listens."""

    channel_class = _Connection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._closed = False
        super().__init__(*args, **kwargs)

    def pull_trigger(self) -> None:
        # Once it is closed, whatever is opened next has the descriptor that this writes into.
        with self._lock:
            if not self._closed:
                super().pull_trigger()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            super().close()

    def handle_accept(self) -> None:
        # Many at once: whoever is in a hurry stands in the same queue as a flood.
        for _ in range(_MOST_CONNECTIONS):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                return
            connections = _connections(self._map)
            if len(connections) > _MOST_CONNECTIONS:
                connections[0].handle_close()

    def accept(self) -> Any:
        try:
            return super().accept()
        except OSError:
            # Out of descriptors, say: whoever waits is still there, and would be seen at once.
            time.sleep(_BREATH)
            raise


def _connections(map_: dict[int, Any]) -> list[_Connection]:
    """Return the open connections, the oldest first."""
    return [each for each in map_.values() if isinstance(each, _Connection)]
