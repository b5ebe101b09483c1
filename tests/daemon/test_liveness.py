"""Whether the daemon makes progress: what `stalled` says in each case, and that it heals."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from refresher.daemon import Daemon, Duty
from refresher.engine.engine import Engine
from refresher.testing import EventLog
from tests.daemon.running import Offset, eventually, refuse_threads, running
from tests.fakes import Issuer, Shelf

_TICK = 0.02


class Served:
    """A daemon with a provider whose credentials are short-lived."""

    def __init__(self, *, tick: float = _TICK, life: float = 2.0) -> None:
        self.clock = Offset()
        self.log = EventLog()
        self.issuer = Issuer(self.clock, life=life)
        self.shelf = Shelf()
        engine = Engine({"prod": self.issuer}, {"shelf": self.shelf}, clock=self.clock)
        self.reloaded: Engine = engine
        self.daemon = Daemon(
            engine,
            reload=lambda: Duty(self.reloaded),
            tick=tick,
            clock=self.clock,
            events=self.log,
        )

    def is_served(self) -> bool:
        """Tell whether the first credential is there."""
        return self.shelf.secrets() != [""]


class Blocking(Engine):
    """An engine whose names can't be had while it is blocked."""

    blocked: threading.Event | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """Wait, and return none."""
        if self.blocked is not None:
            self.blocked.wait(10)
        return ()


def test_before_and_after_nothing_stalls() -> None:
    """A daemon that was not started, or was stopped, is none that hangs, however long ago."""
    served = Served()
    served.clock.slept += 1e6
    assert served.daemon.stalled() == ""
    with running(served.daemon):
        eventually(served.is_served)
        assert served.daemon.stalled() == ""
    served.clock.slept += 1e6
    assert served.daemon.stalled() == ""
    assert served.daemon.stalled() == ""


def test_a_suspended_host_does_not_stall() -> None:
    """Neither while it wakes up nor later is anything told, replaced or given up."""
    served = Served(life=3600.0)
    with running(served.daemon):
        eventually(served.is_served)
        for _ in range(3):
            time.sleep(0.1)
            calls = served.issuer.calls
            served.clock.slept += 7 * 3600
            eventually(lambda: served.daemon.stalled() or served.issuer.calls > calls)  # noqa: B023
            assert served.daemon.stalled() == ""
    assert served.log.names() == ["started", "stopping", "stopped"]


def test_a_planner_that_can_not_run_is_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as long as it lasts; renewal goes on by the timetable meanwhile."""
    served = Served()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_threads("planner"))
        thread = threading.Thread(target=served.daemon.run)
        thread.start()
        eventually(lambda: "nobody has looked" in served.daemon.stalled())
        eventually(lambda: served.issuer.calls >= 2)
    eventually(lambda: served.daemon.stalled() == "")
    served.daemon.stop()
    thread.join(10)


def test_a_main_thread_that_hangs_is_a_stall() -> None:
    """Nobody would begin a pass then."""
    served = Served()
    blocking = Blocking({}, {}, clock=served.clock)
    blocking.blocked = threading.Event()
    served.reloaded = blocking
    with running(served.daemon):
        eventually(served.is_served)
        served.daemon.reload_soon()
        eventually(lambda: "nobody has looked" in served.daemon.stalled())
        blocking.blocked.set()
        eventually(lambda: served.daemon.stalled() == "")


def test_a_scheduler_that_can_not_run_is_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as long as it lasts; the planner asks for what is due meanwhile."""
    served = Served()
    with running(served.daemon):
        eventually(served.is_served)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse_threads("APScheduler"))
            served.daemon._timetable._pulse._heard -= 1000
            eventually(lambda: "fault" in served.log.names())
            assert "scheduler" in served.daemon.stalled()
            calls = served.issuer.calls
            eventually(lambda: served.issuer.calls > calls)
        served.daemon._timetable._pulse._heard -= 1000
        eventually(lambda: served.daemon.stalled() == "")
    assert "scheduler" in next(each.detail for each in served.log.seen if each.name == "fault")


def test_a_lost_scheduler_thread_is_made_up_for() -> None:
    """Dead or not: what is due is asked for by the look."""
    served = Served()
    with running(served.daemon):
        eventually(served.is_served)
        served.daemon._timetable._scheduler.pause()
        calls = served.issuer.calls
        eventually(lambda: served.issuer.calls >= calls + 2)
        assert served.daemon.stalled() == ""


def test_a_host_without_threads_costs_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends while there are none at all, and everything goes on when there are."""
    served = Served()
    with monkeypatch.context() as patch:
        start = threading.Thread.start
        main = threading.Thread(target=served.daemon.run)

        def refuse(thread: threading.Thread) -> None:
            if thread is not main:
                raise RuntimeError("can't start new thread")
            start(thread)

        patch.setattr(threading.Thread, "start", refuse)
        main.start()
        served.daemon.reload_soon()
        time.sleep(0.3)
        assert main.is_alive()
    eventually(served.is_served)
    eventually(lambda: "reloaded" in served.log.names())
    served.daemon.stop()
    main.join(10)
    assert not main.is_alive()
    assert served.log.names()[0] == "started"


def test_a_fault_of_the_daemon_itself_costs_a_turn() -> None:
    """It is told, and passes go on to begin."""
    served = Served()
    give_up = served.daemon._passes.give_up
    faults = iter([ZeroDivisionError()])

    def fail(longest: float) -> list[str]:
        for error in faults:
            raise error
        return give_up(longest)

    served.daemon._passes.give_up = fail  # type: ignore[method-assign]
    with running(served.daemon):
        eventually(served.is_served)
        assert "ZeroDivisionError" in served.log.seen[1].detail


@pytest.mark.parametrize("tick", [-1.0, 0.0, 1e12], ids=["negative", "none", "for ever"])
def test_any_tick_will_do(tick: float) -> None:
    """One that is absurd is taken for the shortest or the longest that makes sense."""
    served = Served(tick=tick)
    with running(served.daemon):
        eventually(served.is_served)
        before = time.process_time()
        time.sleep(0.3)
        assert time.process_time() - before < 0.25


_STARTING = """
import sys
import refresher
from refresher.testing import FakeClock
print("starting", flush=True)
refresher.Daemon(refresher.Engine({}, {})).run()
print("ended", flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05, 0.1, 0.3])
def test_a_stop_at_any_moment_ends_it(delay: float) -> None:
    """While it starts the signal may find no handler yet; it ends at once either way."""
    process = subprocess.Popen(
        [sys.executable, "-c", _STARTING],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "starting\n"
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) in {0, -signal.SIGTERM}
