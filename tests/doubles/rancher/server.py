"""HTTP on loopback."""

import contextlib
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.doubles.rancher.message import Answer, Request

_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)

Respond = Callable[[Request], Answer | None]
"""Answers a request; None breaks the connection."""


class Server(ThreadingHTTPServer):
    """A server that has a port from the start, and listens from `server_activate` on."""

    daemon_threads = True
    # Hanging connections end when their client goes; waiting for them would stall every stop.
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, tls: ssl.SSLContext | None, respond: Respond) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.respond = respond
        self.scheme = "https" if tls else "http"
        self._open: set[socket.socket] = set()
        self.server_bind()
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body go out as one.
    wbufsize = 65_536
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        origin = f"{self.server.scheme}://{headers.get('host', '')}"
        answer = self.server.respond(Request.of(self.command, self.path, headers, body, origin))
        if answer is None:
            self._break()
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = answer.encoded()
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Set-Cookie", "PL=rancher;Path=/")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _break(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        # Before the server says goodbye in an orderly way.
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Stay silent."""
