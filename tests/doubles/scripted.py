"""An HTTP or HTTPS server on loopback that answers as a test says and keeps what it was sent.

with Scripted({"/v2/": basic("ann", "password")}, authority.server()) as server:
    ...
    assert server.authorizations() == [None, "Basic ..."]
"""

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

MANIFEST: Final = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, str] = field(default_factory=dict)

    @property
    def authorization(self) -> str | None:
        """The credential that came along."""
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Reply:
    """An answer. `headers` may repeat a name.

    `raw` is sent instead of all else. `drip` sends it byte by byte, `endless`
    repeats the body for ever, `hang` keeps silent, all of them until the end.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    raw: bytes | None = None
    drip: bool = False
    endless: bool = False
    hang: bool = False


Script = Reply | Callable[[Asked], Reply]


def reply(status: int = 200, body: object = b"", **headers: str) -> Reply:
    """Return an answer; a body that is not bytes is sent as JSON, `_` in names is `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, names, content)


def pair(username: str, password: str) -> str:
    """Return what Basic sends."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def asks(challenge: str, *accepted: str, denial: int = 401, granted: Reply | None = None) -> Script:
    """Return a script that wants one of `accepted` in the Authorization header."""

    def script(asked: Asked) -> Reply:
        if asked.authorization in accepted:
            return granted or reply(200, {})
        status = denial if asked.authorization else 401
        return reply(status, b"canary-body", WWW_Authenticate=challenge)

    return script


class Scripted:
    """The server. `scripts` are by path; what has none is answered with 404."""

    def __init__(
        self, scripts: Mapping[str, Script] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.scripts = dict(scripts or {})
        self.seen: list[Asked] = []
        self.released = threading.Event()
        self._server = _Server(self)
        if context:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "https" if context else "http"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """The host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self._scheme}://{self.host}"

    def authorizations(self, path: str | None = None) -> list[str | None]:
        """Return the credentials that came, in order, at `path` or anywhere."""
        return [asked.authorization for asked in self.seen if path in (None, asked.path)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: Scripted) -> None:
        self.double = double
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        double = self.server.double
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, headers, query)
        double.seen.append(asked)
        script = double.scripts.get(url.path, reply(404))
        made = script(asked) if callable(script) else script
        with contextlib.suppress(OSError):
            self._send(made)

    def _send(self, made: Reply) -> None:
        released = self.server.double.released
        if made.hang:
            released.wait(30)
            return
        data = made.raw if made.raw is not None else self._head(made) + made.body
        if made.drip:
            for position in range(len(data)):
                self.wfile.write(data[position : position + 1])
                if released.wait(0.05):
                    return
        self.wfile.write(data)
        while made.endless and not released.is_set():
            self.wfile.write(made.body * 100)

    def _head(self, made: Reply) -> bytes:
        length = () if made.endless else (("Content-Length", str(len(made.body))),)
        lines = [f"{name}: {value}" for name, value in (*made.headers, *length)]
        return "\r\n".join([f"HTTP/1.0 {made.status} -", *lines, "", ""]).encode("latin-1")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
