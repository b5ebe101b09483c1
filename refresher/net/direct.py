"""HTTP/1.1 over http.client's own parser: for calls by the thousand, and for starts in a hurry.

A call costs a third of what it costs with requests, and importing this is free. Connections are
bounded in time as a whole, without a thread: whatever waits, waits for what is left until a
deadline. Only the look-up of a name can't be bounded.
"""

import base64
import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from refresher.errors import RetryableError
from refresher.model.credential import Secret
from refresher.ports import Clock

_BUFFER: Final = 65_536
_CLOSED: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""How it shows that the other side has hung up; TLS has errors of its own for that."""

Headers = http.client.HTTPMessage
"""Looked up without regard to case."""


class Deadline:
    """A moment by which something is over."""

    __slots__ = ("_clock", "_end")

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Begin now, and end in `seconds`."""
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises `TimeoutError` if none are."""
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def within(self, seconds: float) -> "Deadline":
        """Return one in `seconds`, or this one if it is earlier. Raises `TimeoutError`."""
        return Deadline(self._clock, min(seconds, self.left()))


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, and what it wants in `Proxy-Authorization`, if anything."""

    host: str
    port: int
    authorization: Secret | None = None

    @classmethod
    def with_login(cls, host: str, port: int, username: str, password: str) -> "Proxy":
        """Return a proxy that wants a login (RFC 7617)."""
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        return cls(host, port, Secret(f"Basic {pair}"))


@dataclass(frozen=True, slots=True)
class Peer:
    """Where connections lead.

    `tls` checks the certificate, None is plain text. `server_name` is whose certificate it must
    be, where that is not the host's. `host` is as a URL has it, with the brackets of IPv6.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said."""

    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)


class StaleError(ConnectionError):
    """A connection that was used before had been closed: another one may do."""


class Connection:
    """One connection, for one call at a time. Whoever uses it closes it after any error."""

    def __init__(self, peer: Peer, connect: float, deadline: Deadline) -> None:
        """Connect, within `connect` seconds. Raises `OSError`, or `RetryableError` for a proxy."""
        self._socket = _connected(peer, connect, deadline)
        self._used = False

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def ask(
        self, method: str, request: bytes, limit: int, deadline: Deadline
    ) -> tuple[Reply, bool]:
        """Send a request, return the answer and whether another request may follow.

        Raises `OSError`, `StaleError` if it was closed since its last use, `http.client`'s
        errors for what is no answer, and `BufferError` for more than `limit` bytes.
        """
        response = self._begun(method, request, deadline)
        try:
            body = _body(response, limit)
        finally:
            response.close()
        return Reply(response.status, response.headers, body), not response.will_close

    def _begun(self, method: str, request: bytes, deadline: Deadline) -> http.client.HTTPResponse:
        used, self._used = self._used, True
        try:
            self._socket.settimeout(deadline.left())
            self._socket.sendall(request)
            return _response(self._socket, method, deadline)
        except _CLOSED:
            if used:
                raise StaleError from None
            raise


def request_bytes(
    method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
) -> bytes:
    """Return a request as it goes over the wire, in one piece."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")


def _connected(peer: Peer, connect: float, deadline: Deadline) -> socket.socket:
    host, port = peer.host, peer.port
    if peer.proxy is not None:
        host, port = peer.proxy.host, peer.proxy.port
    limit = deadline.within(connect)
    connected = socket.create_connection((host.strip("[]"), port), limit.left())
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if peer.proxy is not None:
            _tunnel(connected, peer, peer.proxy, limit)
        if peer.tls is None:
            return connected
        # For a handshake this is the limit as a whole (Modules/_ssl.c).
        connected.settimeout(limit.left())
        name = (peer.server_name or peer.host).strip("[]")
        return peer.tls.wrap_socket(connected, server_hostname=name)
    except BaseException:
        connected.close()
        raise


def _tunnel(connected: socket.socket, peer: Peer, proxy: Proxy, deadline: Deadline) -> None:
    """Have a proxy lead the connection on (RFC 9110, section 9.3.6)."""
    target = f"{peer.host}:{peer.port}"
    headers = {"Host": target}
    if proxy.authorization is not None:
        headers["Proxy-Authorization"] = proxy.authorization.reveal()
    connected.sendall(request_bytes("CONNECT", target, headers))
    response = _response(connected, "CONNECT", deadline)
    if response.status != HTTPStatus.OK:
        raise RetryableError(
            f"the proxy for {target} refuses (status {response.status})",
            hint="check HTTPS_PROXY and NO_PROXY",
        )


def _response(
    connected: socket.socket, method: str, deadline: Deadline
) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(_Source(connected, deadline), method=method)  # type: ignore[arg-type]  # it calls makefile alone
    response.begin()
    return response


def _body(response: http.client.HTTPResponse, limit: int) -> bytes:
    if response.length is not None and response.length <= limit:
        # Whole, or an error: with a number of bytes an answer that was cut would look complete.
        return response.read()
    body = response.read(limit + 1)
    if len(body) > limit:
        raise BufferError
    return body


class _Source:
    """What `HTTPResponse` takes for a socket."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._stream: io.BufferedIOBase = io.BufferedReader(_Timed(connected, deadline), _BUFFER)

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        return self._stream


class _Timed(io.RawIOBase):
    """Reads from a socket, each time for no longer than what is left."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)
