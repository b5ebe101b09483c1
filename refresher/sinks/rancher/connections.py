"""Sessions with a server that stay open between operations, and are renewed all the same."""

import ssl
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from refresher.net.wire import Lines
from refresher.ports import Clock
from refresher.sinks.rancher.server import Server

if TYPE_CHECKING:
    import requests

MOST: Final = 64
"""How many connections are kept open; more may be used at a time."""

_LIFE: Final = 30.0
"""Seconds. A connection that was idle for long is often dead behind a firewall, and nobody says so;
and certificate authorities and proxies that have changed must come into use."""


@dataclass(frozen=True, slots=True)
class Line:
    """A session, and the way to make its connections known to a wire."""

    session: "requests.Session"
    lines: Lines
    born: float


class Connections:
    """Gives the session of the moment. Safe to use from several threads."""

    def __init__(
        self, server: Server, ca_file: Path | None, env: Mapping[str, str], clock: Clock
    ) -> None:
        """Connect to nobody yet. Proxies are those of the environment, as for every client."""
        self._server = server
        self._ca_files = () if ca_file is None else (ca_file,)
        self._env = env
        self._clock = clock
        self._lock = threading.Lock()
        self._line: Line | None = None

    def line(self) -> Line:
        """Return the session to use in an operation that begins now.

        Raises `PermanentError` for certificate authorities that can't be used.
        """
        with self._lock:
            now = self._clock.monotonic()
            if self._line is None or not 0 <= now - self._line.born < _LIFE:
                # Others may be using the old one: urllib3 closes its connections after the last.
                self._line = self._made(now)
            return self._line

    def _made(self, now: float) -> Line:
        # They load requests, which is slow to import.
        from requests.utils import get_environ_proxies  # noqa: PLC0415

        from refresher.net.session import Session  # noqa: PLC0415
        from refresher.net.transport import Adapter  # noqa: PLC0415

        # Looked up once: requests would do so for each call.
        proxies = dict(get_environ_proxies(str(self._server.origin)))
        lines = Lines()
        adapter = Adapter(lines, self._context(proxies.values()), kept=MOST)
        session = Session()
        session.trust_env, session.proxies = False, proxies
        for scheme in ("https://", "http://"):
            session.mount(scheme, adapter)
        return Line(session, lines, now)

    def _context(self, proxies: Iterable[str]) -> ssl.SSLContext:
        """Return what checks certificates; the authorities are loaded only where TLS is spoken."""
        from refresher.net.transport import trusting  # noqa: PLC0415

        spoken = (self._server.origin.scheme, *(proxy.partition(":")[0] for proxy in proxies))
        if "https" in spoken:
            return trusting((("ca_file", each) for each in self._ca_files), self._env)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
