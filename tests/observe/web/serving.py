"""A server on loopback, and a client that is not picky."""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refresher.model.listen import ListenAddress
from refresher.observe.web.binding import bind
from refresher.observe.web.server import Application, Server

LOOPBACK = "127.0.0.1"


@contextmanager
def served(application: Application, *, life: float = 10.0) -> Iterator[int]:
    """Serve an application on a free port while the block runs; insist that it stops at once."""
    stopping = threading.Event()
    sockets = bind(ListenAddress(LOOPBACK, 0))
    port = sockets[0].getsockname()[1]
    server = Server(application, sockets, stopping, life=life)
    thread = threading.Thread(target=server.serve, name="served")
    thread.start()
    try:
        yield port
    finally:
        stopping.set()
        server.wake()
        thread.join(1.0)
        assert not thread.is_alive()


def ask(
    port: int, path: str = "/", method: str = "GET", *, body: bytes | None = None
) -> tuple[int, dict[str, str], str]:
    """Return the status, the headers and the body of an answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def pong(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer with the method and the path."""
    body = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def eventually(condition: Callable[[], object]) -> None:
    """Wait for up to five seconds until the condition holds."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")
