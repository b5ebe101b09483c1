"""A slow value for people in a hurry."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from refresher.errors import RetryableError
from refresher.observe.reading import Reading
from refresher.testing import FakeClock


class Slow:
    """Something to read that counts its calls, and hangs or fails on request."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        """Return the number of the call."""
        self.calls += 1
        self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return self.calls

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let calls hang while the block runs."""
        self.gate.clear()
        try:
            yield
        finally:
            self.gate.set()


def _eventually(reading: Reading[int], value: int) -> None:
    for _ in range(500):
        if reading.get() == value:
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_what_was_read_is_good_for_a_while() -> None:
    """Many who ask within a second cost one call; later ones cost another."""
    clock, slow = FakeClock(), Slow()
    reading = Reading(slow, clock)
    assert [reading.get(), reading.get()] == [1, 1]
    clock.advance(1.5)
    assert reading.get() == 2


def test_many_at_once_cost_one_call() -> None:
    """They all wait for the same answer."""
    clock, slow = FakeClock(), Slow()
    reading = Reading(slow, clock, patience=10.0)
    with ThreadPoolExecutor(8) as pool:
        with slow.hanging():
            answers = [pool.submit(reading.get) for _ in range(8)]
            time.sleep(0.05)
        assert {answer.result(10) for answer in answers} == {1}


def test_nobody_waits_for_a_call_that_hangs() -> None:
    """There is the last value as long as it is not old, and then a reason; later a new value."""
    clock, slow = FakeClock(), Slow()
    reading = Reading(slow, clock, patience=0.05)
    assert reading.get() == 1
    with slow.hanging():
        clock.advance(59)
        assert reading.get() == 1
        clock.advance(2)
        for _ in range(20):
            begun = time.monotonic()
            with pytest.raises(RetryableError, match="can't be read now"):
                reading.get()
            assert time.monotonic() - begun < 0.5
        assert slow.calls == 2
    for _ in range(500):
        try:
            reading.get()
            break
        except RetryableError:
            time.sleep(0.01)
    _eventually(reading, slow.calls)


def test_an_error_is_told_and_not_kept() -> None:
    """Whoever waited for the call hears of it; the next call may succeed."""
    slow = Slow()
    reading = Reading(slow, FakeClock())
    slow.error = ValueError("broken")
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            reading.get()
    slow.error = None
    assert reading.get() == 3
