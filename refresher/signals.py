"""Signals become calls, for as long as somebody wants them, and calls wake a loop."""

import math
import os
import select
import signal
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

_LONGEST: Final = 3600.0
"""Seconds; what poll(2) can wait for has an end, and waking early harms nobody."""


class Bell:
    """Wakes one waiting loop. May be rung from a signal handler and from any thread.

    It is a pipe, because Python calls a handler only between two steps of the main
    thread: a signal that comes just before the thread begins to wait for a lock is
    not seen until that wait is over. The byte that Python's own part of the handler
    writes at once (`signal.set_wakeup_fd`) ends a wait for a pipe all the same.
    """

    def __init__(self) -> None:
        """Start silent."""
        self._heard, self._rung = os.pipe()
        for end in (self._heard, self._rung):
            os.set_blocking(end, False)
            # Not at the end of the process: somebody may still ring then.
            weakref.finalize(self, os.close, end).atexit = False

    def ring(self) -> None:
        """Wake the loop, now or at its next wait."""
        # A full pipe rings loud enough.
        with suppress(BlockingIOError):
            os.write(self._rung, b"!")

    def wait(self, seconds: float) -> None:
        """Wait for a ring or a signal, `seconds` at most; what came together counts as one."""
        poll = select.poll()
        poll.register(self._heard, select.POLLIN)
        with self._rung_by_signals():
            poll.poll(math.ceil(min(max(seconds, 0.0), _LONGEST) * 1000))
        with suppress(BlockingIOError):
            while True:
                os.read(self._heard, 4096)

    @contextmanager
    def _rung_by_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._rung, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)


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
