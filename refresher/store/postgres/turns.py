"""Turns of the threads of one process: a server has few connections, for all of its clients."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


class CrowdedError(psycopg.OperationalError):
    """Other threads of this process took too long."""


class Turns:
    """Lets `at_once` threads of this process be at work, and the others wait."""

    def __init__(self, at_once: int) -> None:
        """Nobody is at work yet."""
        self._at_once = at_once
        self._places = (os.getpid(), threading.BoundedSemaphore(at_once))

    @contextmanager
    def taken(self, seconds: float) -> Iterator[None]:
        """Take a turn. Raises `CrowdedError` if none has come after so many seconds."""
        process, free = self._places
        if process != os.getpid():
            # A forked child has a copy, of which nobody may ever let go.
            free = threading.BoundedSemaphore(self._at_once)
            self._places = (os.getpid(), free)
        if not free.acquire(timeout=seconds):
            raise CrowdedError(f"no turn for {seconds:g} s")
        try:
            yield
        finally:
            free.release()
