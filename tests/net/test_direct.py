"""Calls without an HTTP library: what is sent, what is read, and when it ends."""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from refresher.clock import SystemClock
from refresher.errors import RetryableError
from refresher.net.direct import (
    Connection,
    Deadline,
    Peer,
    Proxy,
    Reply,
    StaleError,
    request_bytes,
)
from refresher.net.pool import Pool
from refresher.testing import FakeClock
from tests.doubles.certificates import Authority

LIMIT = 1_000
REQUEST = request_bytes("GET", "/", {"Host": "a"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


class Answers:
    """A server that answers the requests of each connection with these bytes, and then hangs up."""

    def __init__(self, *connections: list[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.tls = tls
        self.port: int = self.server.getsockname()[1]
        self.requests: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, args=(connections,), daemon=True)
        self.thread.start()

    def _serve(self, connections: tuple[list[bytes], ...]) -> None:
        for answers in connections:
            connection, _ = self.server.accept()
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                for answer in answers:
                    self.requests.append(_whole_request(connection))
                    connection.sendall(answer)

    def close(self) -> None:
        """Stop."""
        self.server.close()
        self.thread.join(5)


def _whole_request(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        more = connection.recv(left)
        received, left = received + more, left - len(more)
    return received


Serve = Callable[..., Answers]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves."""
    made: list[Answers] = []

    def serve(*connections: list[bytes], tls: ssl.SSLContext | None = None) -> Answers:
        made.append(Answers(*connections, tls=tls))
        return made[-1]

    yield serve
    for each in made:
        each.close()


def deadline(seconds: float = 5.0) -> Deadline:
    """Return a deadline by the clock of this host."""
    return Deadline(SystemClock(), seconds)


@contextmanager
def connected(port: int) -> Iterator[Connection]:
    """Connect."""
    connection = Connection(Peer("127.0.0.1", port), 5, deadline())
    try:
        yield connection
    finally:
        connection.close()


def pool(port: int, clock: FakeClock | None = None, kept: int = 2) -> Pool:
    """Return connections to a server."""
    peer = Peer("127.0.0.1", port)
    return Pool(peer, clock or FakeClock(), kept=kept, connect=5, limit=LIMIT)


def ask(asked: Pool) -> bytes:
    """Return the body of one answer."""
    return asked.ask("GET", REQUEST, deadline()).body


def test_a_request_is_one_piece() -> None:
    """With a length where there is a body."""
    assert request_bytes("PUT", "/x", {"Host": "a", "X": "y"}, b"body") == (
        b"PUT /x HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert REQUEST == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (OK, True),
        (CHUNKED, True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
    ],
    ids=["length", "chunked", "until it closes", "HTTP/1.0"],
)
def test_an_answer_is_read_whole(serve: Serve, answer: bytes, *, again: bool) -> None:
    """And whether another may follow."""
    with connected(serve([answer]).port) as connection:
        reply, more = connection.ask("GET", REQUEST, LIMIT, deadline())
        assert (reply.status, reply.body, more) == (200, b"ok", again)
        assert "ok" not in repr(reply)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", http.client.RemoteDisconnected),
        (b"nonsense\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", http.client.IncompleteRead),
        (CHUNKED[:-7], http.client.IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001, BufferError),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, BufferError),
    ],
    ids=["nothing", "nonsense", "cut", "cut chunk", "too large", "endless"],
)
def test_what_is_no_answer_is_an_error(serve: Serve, answer: bytes, kind: type[Exception]) -> None:
    """Half an answer is none."""
    with connected(serve([answer]).port) as connection, pytest.raises(kind):
        connection.ask("GET", REQUEST, LIMIT, deadline())


def test_a_deadline_is_for_all_of_it() -> None:
    """However often a piece comes."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
            while not stop.wait(0.02):
                connection.sendall(b"x")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    begun = time.monotonic()
    with connected(server.getsockname()[1]) as connection, pytest.raises(TimeoutError):
        connection.ask("GET", REQUEST, LIMIT, deadline(0.2))
    assert 0.15 < time.monotonic() - begun < 2
    stop.set()
    thread.join(5)
    server.close()


def test_a_deadline_that_is_over_begins_nothing() -> None:
    """Neither a call nor a connection."""
    clock = FakeClock()
    late = Deadline(clock, 5)
    assert late.left() == 5
    assert late.within(3).left() == 3
    assert late.within(9).left() == 5
    clock.advance(5)
    with pytest.raises(TimeoutError):
        late.within(1)
    with pytest.raises(TimeoutError):
        Connection(Peer("127.0.0.1", 1), 5, late)


def test_a_handshake_is_bounded(tmp_path: Path) -> None:
    """A server that accepts connections and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(Authority(tmp_path).file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = Peer("127.0.0.1", server.getsockname()[1], context)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            Connection(peer, 0.2, deadline())
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("proxy", "header"),
    [
        (Proxy("127.0.0.1", 0), b""),
        (Proxy.with_login("127.0.0.1", 0, "a", "b"), b"Proxy-Authorization: Basic YTpi\r\n"),
    ],
    ids=["open", "with a login"],
)
def test_a_proxy_leads_on(serve: Serve, proxy: Proxy, header: bytes) -> None:
    """By CONNECT, with its login and nothing of ours."""
    server = serve([b"HTTP/1.1 200 Connection established\r\n\r\n", OK])
    through = Proxy(proxy.host, server.port, proxy.authorization)
    connection = Connection(Peer("a.example", 443, proxy=through), 5, deadline())
    reply, _ = connection.ask("GET", REQUEST, LIMIT, deadline())
    connection.close()
    assert isinstance(reply, Reply)
    assert server.requests == [
        b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n" + header + b"\r\n",
        REQUEST,
    ]


def test_a_proxy_that_refuses_is_told(serve: Serve) -> None:
    """By its status."""
    server = serve([b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n"])
    peer = Peer("a.example", 443, proxy=Proxy("127.0.0.1", server.port))
    with pytest.raises(RetryableError, match=r"proxy for a.example:443 refuses \(status 407\)"):
        Connection(peer, 5, deadline())


def test_a_connection_is_used_again(serve: Serve) -> None:
    """While it is young enough, and open."""
    server = serve([OK, OK, OK], [OK])
    clock = FakeClock()
    asked = pool(server.port, clock)
    for seconds in (0, 29):
        clock.advance(seconds)
        assert ask(asked) == b"ok"
    clock.advance(1)
    assert ask(asked) == b"ok"
    clock.advance(31)
    asked.close()
    assert ask(asked) == b"ok"
    asked.close()


def test_one_that_was_idle_for_long_is_not_used(serve: Serve) -> None:
    """A firewall may have forgotten it, and nobody would say so."""
    server = serve([OK], [OK])
    clock = FakeClock()
    asked = pool(server.port, clock)
    ask(asked)
    clock.advance(30)
    assert ask(asked) == b"ok"
    asked.close()


def test_one_that_was_closed_is_replaced(serve: Serve) -> None:
    """The request is sent once more; one over a new connection is not."""
    server = serve([OK], [OK])
    asked = pool(server.port)
    ask(asked)
    time.sleep(0.05)
    assert ask(asked) == b"ok"
    asked.close()
    fresh = serve([b""])
    with pytest.raises(http.client.RemoteDisconnected):
        ask(pool(fresh.port))


@pytest.mark.parametrize("size", [1, 50_000, 1_400_000])
def test_one_that_was_closed_under_tls_is_replaced(serve: Serve, tmp_path: Path, size: int) -> None:
    """Also where that shows only in the midst of a long request."""
    authority = Authority(tmp_path)
    server = serve([OK], [OK], tls=authority.server())
    client = ssl.create_default_context(cafile=authority.file)
    peer = Peer("127.0.0.1", server.port, client)
    asked = Pool(peer, FakeClock(), kept=1, connect=5, limit=LIMIT)
    request = request_bytes("PUT", "/", {"Host": "a"}, b"x" * size)
    assert asked.ask("PUT", request, deadline()).body == b"ok"
    time.sleep(0.05)
    assert asked.ask("PUT", request, deadline()).body == b"ok"
    asked.close()


def test_one_that_broke_in_an_answer_is_not_asked_again(serve: Serve) -> None:
    """The server has begun to do what was asked."""
    server = serve([OK, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nx"], [OK])
    asked = pool(server.port)
    ask(asked)
    with pytest.raises(http.client.IncompleteRead):
        ask(asked)
    assert ask(asked) == b"ok"
    asked.close()


def test_a_stale_connection_holds_no_request(serve: Serve) -> None:
    """Nothing hangs on the error."""
    server = serve([OK])
    with connected(server.port) as connection:
        connection.ask("GET", REQUEST, LIMIT, deadline())
        server.close()
        with pytest.raises(StaleError) as caught:
            connection.ask("GET", REQUEST, LIMIT, deadline())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_only_so_many_stay_open(serve: Serve) -> None:
    """Others are closed after use."""
    server = serve([OK], [OK])
    asked = pool(server.port, kept=0)
    assert ask(asked) == b"ok"
    assert ask(asked) == b"ok"
    assert len(server.requests) == 2
