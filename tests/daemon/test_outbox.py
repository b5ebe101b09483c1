"""Events on their way to an observer: in order, and whatever he does."""

import threading
import time

import pytest

from refresher.daemon.outbox import Outbox
from refresher.ports import Event
from refresher.testing import EventLog


class Stubborn(EventLog):
    """An observer that waits for a gate before it takes an event."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def emit(self, event: Event) -> None:
        """Wait, and take the event."""
        self.gate.wait(10)
        super().emit(event)


class Raising(EventLog):
    """An observer that raises at every second event."""

    def emit(self, event: Event) -> None:
        """Take the event, or raise."""
        super().emit(event)
        if len(self.seen) % 2:
            raise ZeroDivisionError


def test_everything_is_told_in_order() -> None:
    """What was emitted first is told first, and waiting for it ends when it is told."""
    log = EventLog()
    outbox = Outbox(log)
    names = [f"event-{number}" for number in range(200)]
    for name in names:
        outbox.emit(Event(name))
    outbox.settle(10)
    assert log.names() == names


def test_an_observer_that_raises_hears_of_the_next_event() -> None:
    """A fault of his costs nobody anything."""
    log = Raising()
    outbox = Outbox(log)
    for number in range(10):
        outbox.emit(Event(str(number)))
    outbox.settle(10)
    assert len(log.seen) == 10


def test_an_observer_that_hangs_holds_nobody_up() -> None:
    """Emitting takes no time, waiting is bounded, and the newest events wait for him."""
    log = Stubborn()
    outbox = Outbox(log)
    outbox.emit(Event("first"))
    started = time.monotonic()
    for number in range(3000):
        outbox.emit(Event(str(number)))
    outbox.settle(0.1)
    assert time.monotonic() - started < 2
    assert log.seen == []
    log.gate.set()
    outbox.settle(10)
    assert log.names()[-1000:] == [str(number) for number in range(2000, 3000)]


def test_no_thread_stays_when_everything_is_told() -> None:
    """At rest it costs nothing."""
    before = set(threading.enumerate())
    outbox = Outbox(EventLog())
    outbox.emit(Event("only"))
    outbox.settle(10)
    for _ in range(1000):
        if set(threading.enumerate()) <= before:
            return
        time.sleep(0.01)
    raise AssertionError("a thread stayed")


def test_without_a_thread_it_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is out of threads delays an event until the next one."""
    log = EventLog()
    outbox = Outbox(log)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        outbox.emit(Event("first"))
        outbox.settle(0.1)
    outbox.emit(Event("second"))
    outbox.settle(10)
    assert log.names() == ["first", "second"]


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
