"""Signals that become calls, and the bell that they ring."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from refresher.signals import Bell, handled

_LONG = 20.0
_AT_ONCE = 5.0


def waited(bell: Bell, seconds: float = _LONG) -> float:
    """Return how long a wait took."""
    started = time.monotonic()
    bell.wait(seconds)
    return time.monotonic() - started


def test_a_ring_before_the_wait_ends_it() -> None:
    """Nobody has to be waiting already."""
    bell = Bell()
    bell.ring()
    assert waited(bell) < _AT_ONCE


def test_a_ring_from_another_thread_ends_a_wait() -> None:
    """Whoever changed something wakes the loop."""
    bell = Bell()
    threading.Timer(0.1, bell.ring).start()
    assert 0.05 < waited(bell) < _AT_ONCE


@pytest.mark.parametrize("rings", [2, 100_000], ids=["two", "more than a pipe holds"])
def test_rings_that_came_together_count_as_one(rings: int) -> None:
    """The loop looks once at whatever happened."""
    bell = Bell()
    for _ in range(rings):
        bell.ring()
    assert waited(bell) < _AT_ONCE
    assert waited(bell, 0.05) >= 0.05


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.0001, 0.05])
def test_a_wait_without_a_ring_takes_its_time(seconds: float) -> None:
    """No less, so that a loop with a short rhythm is no busy one."""
    assert seconds <= waited(Bell(), seconds) < seconds + _AT_ONCE


def test_a_wait_may_be_for_ever() -> None:
    """What no system call can wait for is shortened."""
    bell = Bell()
    bell.ring()
    assert waited(bell, float("inf")) < _AT_ONCE


def test_a_signal_ends_a_wait_by_its_handler() -> None:
    """The action has been called when the loop goes on."""
    bell, calls = Bell(), []

    def act() -> None:
        calls.append("called")
        bell.ring()

    with handled({signal.SIGUSR1: act}):
        threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        assert waited(bell) < _AT_ONCE
        assert calls == ["called"]


def test_a_signal_that_comes_just_before_the_wait_ends_it() -> None:
    """Python sees it only after the wait has begun: for a lock it would have to wait till the end.

    The signals come within microseconds of the wait's beginning, thousands of times.
    """
    program = (
        "import os, sys, time\n"
        "while sys.stdin.buffer.read(1):\n"
        "    end = time.perf_counter() + ord(os.urandom(1)) / 1e7\n"
        "    while time.perf_counter() < end: pass\n"
        f"    os.kill({os.getpid()}, {int(signal.SIGUSR1)})\n"
    )
    bell, calls = Bell(), []

    def act() -> None:
        calls.append("called")
        bell.ring()

    sender = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, bufsize=0)
    assert sender.stdin is not None
    with handled({signal.SIGUSR1: act}), sender:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            asked = len(calls)
            sender.stdin.write(b"!")
            assert waited(bell) < _AT_ONCE
            while len(calls) == asked:
                time.sleep(0.0001)
        sender.stdin.close()


def test_a_wait_leaves_the_wakeup_of_others_as_it_was() -> None:
    """An event loop of the program around it goes on to hear its signals."""
    heard, rung = os.pipe()
    os.set_blocking(rung, False)
    before = signal.set_wakeup_fd(rung)
    Bell().wait(0.0)
    assert signal.set_wakeup_fd(before) == rung
    os.close(heard)
    os.close(rung)


def test_a_bell_that_nobody_holds_keeps_no_descriptor() -> None:
    """A library's user may make many."""
    gc.collect()  # what other tests left behind is none of its business
    before = len(list(Path("/proc/self/fd").iterdir()))
    bells = [Bell() for _ in range(10)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 20
    del bells
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_handlers_are_as_before_when_the_block_ends() -> None:
    """Whoever had one has it again, also after an error."""
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(ZeroDivisionError), handled({signal.SIGUSR1: lambda: None}):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGUSR1) == before


def test_off_the_main_thread_no_signal_is_taken() -> None:
    """Python allows it there only; waiting and ringing work all the same."""
    bell, seen = Bell(), []

    def run() -> None:
        with handled({signal.SIGUSR1: lambda: None}):
            seen.append(signal.getsignal(signal.SIGUSR1))
            bell.wait(_LONG)

    before = signal.getsignal(signal.SIGUSR1)
    thread = threading.Thread(target=run)
    thread.start()
    bell.ring()
    thread.join(_AT_ONCE)
    assert not thread.is_alive()
    assert seen == [before]
