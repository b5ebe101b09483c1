"""The server under clients that mean no good."""

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from refresher.observe.web.server import Application
from tests.observe.web.serving import LOOPBACK, ask, descriptors, eventually, pong, served

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def _large(size: int) -> Application:
    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/ping":
            return pong(environ, start_response)
        start_response("200 OK", [("Content-Length", str(size))])
        return [b"x" * size]

    return answer


@contextlib.contextmanager
def connected(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Open connections that say nothing yet."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((LOOPBACK, port), 5)) for _ in range(count)
        ]


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    """Let this process open a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2048 if hard == resource.RLIM_INFINITY else min(2048, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _is_closed(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(65536) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def _raw(port: int, request: bytes) -> bytes:
    """Return the whole of what is answered to these bytes."""
    with socket.create_connection((LOOPBACK, port), 5) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                answer += part
    return answer


def test_it_answers_and_says_nothing_of_itself() -> None:
    """No product, no version; one answer for each connection."""
    with served(pong) as port:
        status, headers, body = ask(port, "/a?b")
    assert (status, body) == (200, "GET /a")
    assert "Server" not in headers
    assert headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9_000 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: odd\r\n\r\n", b"501"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4E20\r\n" + b"a" * 20_000,
            b"413",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"400"),
        (b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: b\r\n\r\n", b"200"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"200"),
        (b"GET /%ff%00%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n", b"200"),
        (b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", b"100"),
    ],
    ids=[
        "long-path",
        "many-headers",
        "large-body",
        "negative-length",
        "odd-encoding",
        "endless-body",
        "tls",
        "nonsense",
        "no-header",
        "absolute",
        "http-1.0",
        "odd-path",
        "expect",
    ],
)
def test_odd_requests_are_answered_and_done_with(request_: bytes, status: bytes) -> None:
    """Whatever is sent is bounded, answered once and harms nobody else."""
    with served(pong) as port:
        answer = _raw(port, request_)
        assert answer.split(b" ")[1] == status
        assert b"Traceback" not in answer
        assert b"waitress" not in answer
        assert ask(port)[0] == 200


def test_a_connection_is_for_one_request() -> None:
    """What is sent behind it is not answered: nobody can queue up work."""
    with served(pong) as port:
        assert _raw(port, GET * 50).count(b"HTTP/1.1 200 OK") == 1


def test_a_client_that_dawdles_is_cut_off() -> None:
    """A byte now and then does not keep a connection alive."""
    with served(pong, life=0.3) as port, connected(port, 1) as (slow,):
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < 5:
                slow.sendall(b"a")
                time.sleep(0.02)
        assert 0.2 < time.monotonic() - begun < 3


def test_clients_that_never_read_hold_up_nobody() -> None:
    """However much they ask for; and they are cut off in the end, still without reading."""
    with served(_large(8 * 1024 * 1024), life=1.0) as port:
        ask(port, "/ping")
        before = descriptors()
        with connected(port, 8) as greedy:
            for each in greedy:
                each.sendall(GET * 100)
            begun = time.monotonic()
            assert ask(port, "/ping")[0] == 200
            assert time.monotonic() - begun < 0.9
            eventually(lambda: descriptors() <= before + len(greedy))


@pytest.mark.usefixtures("_many_descriptors")
def test_a_thousand_idle_connections_hold_up_nobody() -> None:
    """The oldest ones make room; neither threads nor descriptors grow with them."""
    with served(pong) as port:
        ask(port)
        threads, before = set(threading.enumerate()), descriptors()
        with connected(port, 1000) as idle:
            for _ in range(5):
                begun = time.monotonic()
                assert ask(port)[0] == 200
                assert time.monotonic() - begun < 0.5
            assert set(threading.enumerate()) <= threads
            assert descriptors() - before - len(idle) <= 101
            assert _is_closed(idle[0], 1.0)
            assert not _is_closed(idle[-1], 0.05)


def test_it_stops_at_once_and_leaves_nothing() -> None:
    """With connections open, whatever they wait for."""
    threads, before = set(threading.enumerate()), descriptors()
    with served(pong) as port, connected(port, 20) as idle:
        for each in idle[:10]:
            each.sendall(b"GET / HT")
        ask(port)
        begun = time.monotonic()
    assert time.monotonic() - begun < 0.5
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= before


def test_it_stops_while_an_answer_hangs() -> None:
    """A page that never ends does not keep the process."""
    gate = threading.Event()

    def hang(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        gate.wait(10)
        return pong(environ, start_response)

    try:
        with served(hang) as port, connected(port, 1) as (client,):
            client.sendall(GET)
            time.sleep(0.1)
            begun = time.monotonic()
        assert time.monotonic() - begun < 0.5
    finally:
        gate.set()


def test_at_rest_it_never_wakes() -> None:
    """No thread of it runs while nobody asks."""
    others = set(threading.enumerate())

    def switches() -> int:
        ours = [each.native_id for each in set(threading.enumerate()) - others]
        assert len(ours) == 3
        texts = [Path(f"/proc/self/task/{each}/status").read_text() for each in ours]
        lines = [line for text in texts for line in text.splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))

    with served(pong) as port:
        ask(port)
        time.sleep(0.3)
        before = switches()
        time.sleep(1.2)
        assert switches() == before


def test_out_of_descriptors_it_waits_and_goes_on() -> None:
    """It neither spins nor ends, and serves whoever waited."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with served(pong) as port, socket.socket() as client, contextlib.ExitStack() as stack:
        ask(port)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, descriptors() + 100), hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    stack.enter_context(open(os.devnull, "rb"))  # noqa: PTH123 - opened to be held
            client.settimeout(5)
            client.connect((LOOPBACK, port))
            client.sendall(GET)
            busy = time.process_time()
            time.sleep(0.5)
            assert time.process_time() - busy < 0.2
        finally:
            stack.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert client.recv(100).startswith(b"HTTP/1.1 200")
