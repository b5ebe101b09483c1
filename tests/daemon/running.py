"""Daemons that run on a thread of a test, and waiting for what they do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from refresher.clock import SystemClock
from refresher.daemon import Daemon


class Offset(SystemClock):
    """The real clocks, moved by `shift` (the wall clock) and `slept` (both) seconds."""

    shift = 0.0
    slept = 0.0

    def now(self) -> datetime:
        """Return the moved time."""
        return super().now() + timedelta(seconds=self.shift + self.slept)

    def monotonic(self) -> float:
        """Return the moved seconds."""
        return super().monotonic() + self.slept


@contextmanager
def running(daemon: Daemon) -> Iterator[None]:
    """Run the daemon on a thread, and insist that it stops within five seconds."""
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield
    finally:
        started = time.monotonic()
        daemon.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - started < 5


def eventually(condition: Callable[[], object]) -> None:
    """Wait for up to ten seconds until the condition holds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def refuse_threads(of: str) -> Callable[[threading.Thread], None]:
    """Return a `Thread.start` that fails for threads whose names start with `of`."""
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith(of):
            raise RuntimeError("can't start new thread")
        start(thread)

    return scarce
