"""Calls that hang hold nobody up, and cost a bounded number of threads."""

import threading
import time

import pytest

from refresher.engine.workers import ThreadWorkers
from refresher.errors import PermanentError, RetryableError


def test_every_call_is_answered_by_name() -> None:
    """Values and errors come back under the name of their call."""

    def fail() -> int:
        raise PermanentError("no")

    answers = ThreadWorkers().run({"one": lambda: 1, "bad": fail, "two": lambda: 2}, 5)
    assert (answers["one"].get(), answers["two"].get()) == (1, 2)
    with pytest.raises(PermanentError, match="no"):
        answers["bad"].get()


def test_a_hanging_call_delays_no_other() -> None:
    """The answers of the healthy are there when the time is up, and no later."""
    release = threading.Event()
    started = time.monotonic()
    answers = ThreadWorkers().run({"slow": lambda: release.wait(10), "quick": lambda: True}, 0.2)
    assert time.monotonic() - started < 2
    release.set()
    assert answers["quick"].get() is True
    with pytest.raises(RetryableError, match=r"slow: no answer within 0.2 s"):
        answers["slow"].get()


def test_a_call_that_hangs_again_and_again_stops_costing_threads() -> None:
    """After three abandoned calls of one name the fourth is answered at once."""
    release = threading.Event()
    workers = ThreadWorkers()
    for _ in range(3):
        workers.run({"slow": lambda: release.wait(10)}, 0.01)
    started = time.monotonic()
    answer = workers.run({"slow": lambda: release.wait(10)}, 5)["slow"]
    assert time.monotonic() - started < 1
    with pytest.raises(RetryableError, match="still hang"):
        answer.get()
    release.set()
    for _ in range(500):
        if workers.run({"slow": lambda: True}, 5)["slow"].error is None:
            break
        time.sleep(0.01)
    assert workers.run({"slow": lambda: True}, 5)["slow"].get() is True


def test_no_calls_are_no_wait() -> None:
    """Nothing to do ends at once."""
    assert ThreadWorkers().run({}, 60) == {}
