"""Calls that hang hold nobody up, and cost a bounded number of threads."""

import functools
import os
import subprocess
import sys
import threading
import time

import pytest

from refresher.engine.workers import Answer, ThreadWorkers
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


def test_answers_come_as_calls_end() -> None:
    """So many side by side, and the next one begins when one has ended."""
    begun: list[str] = []
    gates = {name: threading.Event() for name in ("a", "b", "c")}

    def call(name: str) -> bool:
        begun.append(name)
        return gates[name].wait(10)

    calls = {name: functools.partial(call, name) for name in gates}
    stream = ThreadWorkers().stream(calls, 2, 10, 10)
    gates["b"].set()
    assert {name: answer.get() for name, answer in next(stream).items()} == {"b": True}
    gates["a"].set()
    gates["c"].set()
    rest = {name: answer.get() for answers in stream for name, answer in answers.items()}
    assert rest == {"a": True, "c": True}
    assert begun[2] == "c"


def test_a_stream_goes_on_without_what_hangs() -> None:
    """One that takes too long gives up its turn; what there is no time for has no answer."""
    release = threading.Event()
    calls = {
        "first": lambda: release.wait(10),
        "second": lambda: True,
        "third": lambda: release.wait(10),
        "fourth": lambda: True,
    }
    answers: dict[str, Answer[bool]] = {}
    for some in ThreadWorkers().stream(calls, 1, 0.3, 0.4):
        answers.update(some)
    release.set()
    assert list(answers) == ["first", "second", "third"]
    assert answers["second"].get() is True
    for name in ("first", "third"):
        with pytest.raises(RetryableError, match=f"{name}: no answer"):
            answers[name].get()


def test_no_calls_are_no_wait() -> None:
    """Nothing to do ends at once."""
    assert ThreadWorkers().run({}, 60) == {}


def test_a_call_is_said_to_have_had_the_time_that_it_had() -> None:
    """At the end of the time for all that is less than each may take."""
    release = threading.Event()
    calls = {"hanging": lambda: release.wait(10)}
    (answers,) = ThreadWorkers().stream(calls, 1, 60, 0.2)
    release.set()
    with pytest.raises(RetryableError, match=r"hanging: no answer within 0.2 s"):
        answers["hanging"].get()


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes a user who may start no thread")
def test_a_host_that_starts_no_thread_is_told_and_waited_out() -> None:
    """Each call is answered, those that run are not forgotten, and the next one may succeed."""
    # Root may start as many as it likes: a process becomes somebody else, who is refused.
    program = """
import os, resource
from refresher.engine.workers import ThreadWorkers
workers = ThreadWorkers()
soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
os.setresuid(54321, 54321, 54321)
resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
answers = workers.run({"one": lambda: 1, "two": lambda: 2}, 5)
for name in ("one", "two"):
    error = answers[name].error
    print(type(error).__name__, error, error.hint)
resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
print([answer.get() for answer in workers.run({"one": lambda: 1, "two": lambda: 2}, 5).values()])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    first, second, last = ran.stdout.splitlines()
    for name, line in (("one", first), ("two", second)):
        assert line.startswith(f"RetryableError {name}: the system starts no more threads raise")
    assert last == "[1, 2]"
