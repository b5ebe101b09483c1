"""Connections that are bounded in time as a whole.

HTTP clients limit the wait for each piece of an answer, not their sum: a server
that drips would hold a call for as long as it likes. So every connection of a
call is known to its `Wire`, which shuts them all down when the time is over:
whatever waits for one, a TLS handshake too, fails at once and in its own thread,
so none is left behind. Only the look-up of a name can't be ended.

Connections that outlive a call are led over `Lines`, which make each known to the
wire of the call that uses it now.

There is no public way to the sockets of urllib3: `_new_conn` and `sock` of its
connections are used. Where a later version lacks them, calls work as before, and
the tests of slow servers fail.
"""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self


class Wire:
    """Knows the open connections, and cuts them after `seconds`. Use it as a context manager."""

    def __init__(self, seconds: float) -> None:
        """Start nothing yet."""
        self.is_cut = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start the time."""
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything."""
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def cut(self) -> None:
        """Shut down every connection, and from now on every new one."""
        with self._lock:
            self.is_cut = True
            for connected in self._sockets:
                _shut(connected)

    def keep(self, connected: socket.socket) -> socket.socket | None:
        """Get to know a connection, by a descriptor of our own: TLS takes the other one.

        Returns what is kept, to be let go; None if the time is over.
        """
        with self._lock:
            if self.is_cut:
                _shut(connected)
                return None
            # Sockets of TLS can't be copied, their descriptors can.
            kept = socket.socket(fileno=os.dup(connected.fileno()))
            self._sockets.append(kept)
            return kept

    def let_go(self, kept: socket.socket) -> None:
        """Forget a connection before the time is over, and leave it open."""
        with self._lock, kept:
            self._sockets.remove(kept)

    def pools(self, by_scheme: Mapping[str, Any]) -> dict[str, Any]:
        """Return subclasses of urllib3's connection pools whose connections are known here."""
        return {scheme: _bound(pool, _Known, self) for scheme, pool in by_scheme.items()}


class Lines:
    """Leads connections that outlive a call to the wire of the call that uses them now.

    Calls may be made by several threads at once, over one wire or over several.
    """

    def __init__(self) -> None:
        """Know no call yet."""
        self._calls = threading.local()

    @contextmanager
    def during(self, wire: Wire) -> Iterator[None]:
        """Make the connections that this thread uses in the block known to `wire`."""
        self._calls.wire, self._calls.kept = wire, []
        try:
            yield
        finally:
            for kept in self._calls.kept:
                wire.let_go(kept)

    def keep(self, connected: socket.socket) -> None:
        """Make a connection known to the wire of this thread's call."""
        kept = self._calls.wire.keep(connected)
        if kept is not None:
            self._calls.kept.append(kept)

    def pools(self, by_scheme: Mapping[str, Any]) -> dict[str, Any]:
        """Return subclasses of urllib3's connection pools whose connections are led here."""
        return {scheme: _bound(pool, _Lasting, self) for scheme, pool in by_scheme.items()}


class _Known:
    """Mixed into a connection of urllib3."""

    wire: Wire | Lines

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]  # see the module
        self.wire.keep(connected)
        return connected


class _Lasting(_Known):
    """Mixed into one that may be used again."""

    sock: socket.socket | None

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            self.wire.keep(self.sock)
        super().request(*args, **options)  # type: ignore[misc]  # as above


def _bound(pool: Any, mixin: type[_Known], wire: Wire | Lines) -> Any:
    plain = pool.ConnectionCls
    if issubclass(plain, _Known):
        return pool
    connection = type(plain.__name__, (mixin, plain), {"wire": wire})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
