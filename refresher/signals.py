"""Signals become calls, for as long as somebody wants them, and calls wake a loop."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType


class Bell:
    """Wakes one waiting loop. May be rung from a signal handler and from any thread.

    An `Event` must not be set in a handler: the handler may interrupt the very
    thread that holds the event's lock. A `SimpleQueue` is made for this.
    """

    def __init__(self) -> None:
        """Start silent."""
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Wake the loop, now or at its next wait."""
        self._rings.put(None)

    def wait(self, seconds: float) -> None:
        """Wait for a ring, `seconds` at most; rings that came together count as one."""
        try:
            self._rings.get(timeout=max(seconds, 0.0))
            while True:
                self._rings.get_nowait()
        except queue.Empty:
            return


@contextmanager
def handled(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Call the action of each signal while the block runs.

    The handlers are installed for process 1 too, which the kernel gives none.
    Off the main thread, where Python takes no signals, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def call(number: int, _frame: FrameType | None) -> None:
        actions[signal.Signals(number)]()

    before = {number: signal.signal(number, call) for number in actions}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
