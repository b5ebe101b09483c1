"""Connections end when the time is over."""

import socket
import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from refresher.net.wire import Lines, Wire


def test_a_connection_is_cut_and_a_later_one_at_once() -> None:
    """Whatever waits for one fails; the descriptor that TLS would take over is none of ours."""
    one, its_end = socket.socketpair()
    two, other_end = socket.socketpair()
    with one, its_end, two, other_end, Wire(30) as wire:
        wire.keep(one)
        wire.cut()
        wire.keep(two)
        for end in (its_end, other_end):
            end.settimeout(1)
            assert end.recv(1) == b""
        assert wire.is_cut


def test_a_pool_is_bound_once() -> None:
    """A pool that belongs to a wire is left as it is, and the plain one is not touched."""
    with Wire(30) as wire:
        pools = wire.pools({"http": HTTPConnectionPool})
        assert wire.pools(pools) == pools
    assert pools["http"] is not HTTPConnectionPool
    assert issubclass(pools["http"], HTTPConnectionPool)


def test_what_is_let_go_stays_open() -> None:
    """A call that has ended has no say over what uses the connection next."""
    one, its_end = socket.socketpair()
    with one, its_end, Wire(30) as wire:
        kept = wire.keep(one)
        assert kept is not None
        wire.let_go(kept)
        wire.cut()
        one.sendall(b"x")
        assert its_end.recv(1) == b"x"
        assert wire.keep(one) is None
        assert its_end.recv(1) == b""


@pytest.fixture
def pool() -> Iterator[tuple[Lines, HTTPConnectionPool, Event]]:
    """Serve on connections that stay open, one after the other; hang once the event is set."""
    hanging = Event()
    released = Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while connection.recv(65_536):
                if hanging.is_set():
                    released.wait(10)
                    return
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    lines = Lines()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        bound = lines.pools({"http": HTTPConnectionPool})["http"]
        with bound("127.0.0.1", server.getsockname()[1], retries=False) as made:
            yield lines, made, hanging
        released.set()
        thread.join(10)


def test_a_connection_is_cut_by_the_call_that_uses_it_now(
    pool: tuple[Lines, HTTPConnectionPool, Event],
) -> None:
    """The wire of the call that opened it is over by then, and does no harm."""
    lines, made, hanging = pool
    for _ in range(2):
        with Wire(30) as wire, lines.during(wire):
            assert made.request("GET", "/").data == b"ok"
        wire.cut()
    hanging.set()
    begun = time.monotonic()
    with Wire(0.2) as wire, lines.during(wire), pytest.raises(HTTPError):
        made.request("GET", "/", timeout=10)
    assert wire.is_cut
    assert time.monotonic() - begun < 5
    assert made.num_connections == 1
