"""Listening, whatever happens."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from refresher.clock import SystemClock
from refresher.model.listen import ListenAddress
from refresher.observe.web.binding import bind
from refresher.observe.web.listener import Listener
from refresher.ports import EventName, Severity
from refresher.testing import EventLog
from tests.observe.web.serving import LOOPBACK, ask, eventually, pong


@contextlib.contextmanager
def listening(
    address: ListenAddress, events: EventLog, *, retry: float = 0.02
) -> Iterator[Listener]:
    """Listen while the block runs; insist that it stops at once and leaves no thread."""
    before = set(threading.enumerate())
    listener = Listener(address, pong, events=events, clock=SystemClock(), retry=retry)
    listener.start()
    try:
        yield listener
    finally:
        begun = time.monotonic()
        listener.stop()
        assert time.monotonic() - begun < 0.5
        assert set(threading.enumerate()) <= before


def _taken() -> tuple[socket.socket, int]:
    (taken,) = bind(ListenAddress(LOOPBACK, 0))
    return taken, taken.getsockname()[1]


def test_it_serves_and_tells_where() -> None:
    """Also which port it was given."""
    events = EventLog()
    with listening(ListenAddress(LOOPBACK, 0), events):
        eventually(lambda: events.seen)
        (event,) = events.seen
        assert (event.name, event.severity) == (EventName.LISTENING, Severity.INFO)
        host, _, port = event.detail.rpartition(":")
        assert host == LOOPBACK
        assert ask(int(port))[0] == 200


def test_a_taken_port_is_told_once_and_tried_again() -> None:
    """Until it is free; then it serves."""
    taken, port = _taken()
    events = EventLog()
    with taken, listening(ListenAddress(LOOPBACK, port), events):
        eventually(lambda: events.seen)
        time.sleep(0.1)
        assert events.names() == [EventName.LISTEN_FAILED]
        (event,) = events.seen
        assert event.severity is Severity.ERROR
        assert f"{LOOPBACK}:{port}: Address already in use" in event.detail
        assert "another port" in event.hint
        taken.close()
        eventually(lambda: EventName.LISTENING in events.names())
        assert ask(port)[0] == 200


def test_it_stops_while_it_waits_to_try_again() -> None:
    """Nobody waits a minute for the process to end."""
    taken, port = _taken()
    events = EventLog()
    with taken, listening(ListenAddress(LOOPBACK, port), events, retry=60.0):
        eventually(lambda: events.seen)


def test_a_fault_of_its_own_is_told_and_tried_again() -> None:
    """Whatever is wrong with the server ends no daemon, and is told once."""
    events = EventLog()
    with listening(ListenAddress("a" * 64, 80), events):
        eventually(lambda: events.seen)
        time.sleep(0.1)
        (event,) = events.seen
        assert event.name == EventName.LISTEN_FAILED
        assert "UnicodeError" in event.detail


def test_without_a_thread_the_daemon_goes_on() -> None:
    """It is told, and nothing else happens."""
    events = EventLog()
    with listening(ListenAddress(LOOPBACK, 0), events) as listener:
        eventually(lambda: events.seen)
        listener.start()
        assert events.names() == [EventName.LISTENING, EventName.LISTEN_FAILED]


def test_it_can_be_stopped_before_it_began() -> None:
    """A process may end that early."""
    Listener(
        ListenAddress(LOOPBACK, 0), pong, events=EventLog(), clock=SystemClock(), retry=1.0
    ).stop()
