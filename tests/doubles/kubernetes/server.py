"""HTTP/1.1 on loopback, with little between a request and its answer: measurements use it."""

import contextlib
import gzip
import select
import socket
import socketserver
import ssl
import struct
import sys
import uuid
from collections.abc import Callable, Generator
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final

from refresher.ports import Clock
from tests.doubles.kubernetes.message import Answer, Request
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.watching import Cut

_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)
_LONGEST_LINE: Final = 65_536
_COMPRESSED_FROM: Final = 128 * 1024
_HEAD: Final = (
    "HTTP/1.1 {status} {phrase}\r\n"
    "Audit-Id: {audit}\r\n"
    "Cache-Control: no-cache, private\r\n"
    "Content-Type: {content_type}\r\n"
    "Date: {date}\r\n"
)
Respond = Callable[[Request], Answer | None]
"""Answers a request; None breaks the connection."""


class Server(socketserver.ThreadingTCPServer):
    """A server that has a port from the start, and listens from `server_activate` on."""

    daemon_threads = True
    # Hanging connections end when their client goes; waiting for them would stall every stop.
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self,
        port: int,
        tls: ssl.SSLContext | None,
        respond: Respond,
        clock: Clock,
        rules: Rules,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.respond = respond
        self.clock = clock
        self.rules = rules
        self.scheme = "https" if tls else "http"
        self._open: set[socket.socket] = set()
        self.server_bind()
        self.port = int(self.server_address[1])
        if tls is not None:
            # Hands are shaken by the thread of each connection, so that no client blocks others.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                # Below TLS, whose state belongs to the thread of the connection.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that go away, but not about faults of the double."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    rbufsize = _LONGEST_LINE
    server: Server

    def handle(self) -> None:
        while self._serve():
            pass

    def _serve(self) -> bool:
        """Answer one request; say whether there may be another."""
        words = self.rfile.readline(_LONGEST_LINE).decode("latin-1").split()
        if len(words) != 3:
            return False
        headers = self._headers()
        content = self._content(headers)
        request = Request.of(words[0], words[1], headers, content, self._gone)
        answer = self.server.respond(request)
        if answer is None:
            self._break()
            return False
        keep = "close" not in (headers.get("connection"), answer.headers.get("Connection"))
        # Who sends HEAD reads no body, and would take it for the next answer.
        keep = keep and request.method != "HEAD"
        if answer.stream is not None:
            return self._stream(answer, answer.stream) and keep
        return self._send(answer, headers) and keep

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self.rfile.readline(_LONGEST_LINE).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return headers

    def _content(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self._headers()
        return b"".join(parts)

    def _head(self, answer: Answer, **more: str) -> bytes:
        head = _HEAD.format(
            status=answer.status,
            phrase=HTTPStatus(answer.status).phrase,
            audit=uuid.uuid4(),
            content_type=answer.content_type,
            date=format_datetime(self.server.clock.now(), usegmt=True),
        )
        lines = [f"{name}: {value}\r\n" for name, value in (answer.headers | more).items()]
        return (head + "".join(lines) + "\r\n").encode("latin-1")

    def _send(self, answer: Answer, headers: dict[str, str]) -> bool:
        """Send an answer; say whether it went whole."""
        content, more = answer.content, {}
        if (
            len(content) >= _COMPRESSED_FROM
            and self.server.rules.compress
            and "gzip" in headers.get("accept-encoding", "")
        ):
            content = gzip.compress(content, compresslevel=1)
            more = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        head = self._head(answer, **more, **{"Content-Length": str(len(content))})
        if answer.torn:
            self.connection.sendall(head + content[: len(content) // 2])
            self._break()
            return False
        if len(content) < _LONGEST_LINE:
            self.connection.sendall(head + content)
        else:
            self.connection.sendall(head)
            self.connection.sendall(content)
        return True

    def _stream(self, answer: Answer, stream: Generator[bytes, None, None]) -> bool:
        """Send chunk by chunk; say whether it came to its end."""
        with contextlib.closing(stream):
            try:
                # It yields nothing at first: only a generator that has begun cleans up when closed.
                next(stream)
                self.connection.sendall(self._head(answer, **{"Transfer-Encoding": "chunked"}))
                for chunk in stream:
                    self.connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            except Cut:
                self._break()
                return False
        self.connection.sendall(b"0\r\n\r\n")
        return True

    def _gone(self) -> bool:
        """Say whether the client closed the connection: one who watches has nothing to send."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))

    def _break(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        # Before the server says goodbye in an orderly way.
        self.connection.close()
