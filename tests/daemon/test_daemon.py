"""The daemon on the real scheduler: wakes, survives, reloads, stops."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from refresher.daemon import Daemon, Duty
from refresher.engine.engine import Engine, Pass
from refresher.engine.report import ProviderReport, Upcoming
from refresher.errors import Problem, RetryableError, SettingsError
from refresher.model.credential import Credential
from refresher.ports import Change, Outcome
from refresher.testing import EventLog
from tests.daemon.running import Offset, eventually, running
from tests.fakes import FileIssuer, Issuer, Shelf

PASS = Pass()


def test_it_supplies_at_start_and_renews_when_due() -> None:
    """Short-lived credentials are renewed again and again, each before its end."""
    clock = Offset()
    issuer, shelf = Issuer(clock, life=2.0), Shelf()
    with running(
        Daemon(Engine({"prod": issuer}, {"shelf": shelf}, clock=clock), tick=0.05, clock=clock)
    ):
        eventually(lambda: issuer.calls >= 3)
    assert shelf.secrets()[0].startswith("secret-number-")


def test_it_tells_how_everything_stands() -> None:
    """Each place that it supplies is there, by the duty of now."""
    clock = Offset()
    daemon = Daemon(Engine({"prod": Issuer(clock)}, {"shelf": Shelf()}, clock=clock), clock=clock)
    with running(daemon):
        eventually(lambda: [place.state for place in daemon.survey().places] == ["fresh"])


def test_a_failure_is_followed_by_a_retry() -> None:
    """A provider that fails at first is asked again within seconds."""
    clock = Offset()
    issuer, shelf = Issuer(clock), Shelf()
    issuer.script = [RetryableError("down")]
    engine = Engine({"prod": issuer}, {"shelf": shelf}, clock=clock, draw=lambda: 0.0)
    with running(Daemon(engine, tick=0.05, clock=clock)):
        eventually(lambda: shelf.secrets() != [""])


def test_a_hanging_provider_delays_no_other() -> None:
    """Each pass has a thread of its own."""
    clock = Offset()
    stuck, healthy, shelf = Issuer(clock), Issuer(clock, registries=("ok.example",)), Shelf()
    release = threading.Event()

    def hang() -> Credential:
        release.wait(30)
        return stuck.mint()

    stuck.script = [hang]
    engine = Engine({"stuck": stuck, "ok": healthy}, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=0.05, clock=clock)):
        eventually(lambda: shelf.secrets("ok.example") != [""])
        release.set()


def test_drift_is_looked_for_in_its_rhythm() -> None:
    """What somebody else changed is put back without a fetch."""
    clock = Offset()
    issuer, shelf = Issuer(clock), Shelf()
    engine = Engine({"prod": issuer}, {"shelf": shelf}, clock=clock)
    with running(Daemon(Duty(engine, drift_interval=1.0), tick=0.05, clock=clock)):
        eventually(lambda: shelf.secrets() == ["secret-number-1"])
        shelf.content["shelf"].clear()
        eventually(lambda: shelf.secrets() == ["secret-number-1"])
    assert issuer.calls == 1


@pytest.mark.parametrize("jump", [7 * 3600, -7 * 3600], ids=["forward", "backward"])
def test_a_clock_that_jumps_is_noticed_at_the_next_tick(jump: float) -> None:
    """Everything is planned anew; what the new time makes due is done at once."""
    clock = Offset()
    events = EventLog()
    issuer, shelf = Issuer(clock), Shelf()
    engine = Engine({"prod": issuer}, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=0.05, clock=clock, events=events)):
        eventually(lambda: shelf.secrets() == ["secret-number-1"])
        clock.shift = jump
        eventually(lambda: issuer.calls == 2)
        eventually(lambda: "clock-jumped" in events.names())


def test_a_lost_job_is_no_lost_renewal() -> None:
    """The tick starts what is due although the scheduler forgot it."""
    clock = Offset()
    issuer, shelf = Issuer(clock, life=4.0), Shelf()
    daemon = Daemon(Engine({"prod": issuer}, {"shelf": shelf}, clock=clock), tick=0.05, clock=clock)
    with running(daemon):
        eventually(lambda: issuer.calls == 1)
        daemon._timetable._scheduler.remove_all_jobs()
        eventually(lambda: issuer.calls >= 2)


def test_a_changed_input_file_is_taken_up(tmp_path: Path) -> None:
    """A rotated key file makes its provider due at the next tick."""
    key = tmp_path / "key"
    key.write_text("one")
    clock = Offset()
    issuer, shelf = FileIssuer(clock, key), Shelf()
    with running(
        Daemon(Engine({"prod": issuer}, {"shelf": shelf}, clock=clock), tick=0.05, clock=clock)
    ):
        eventually(lambda: issuer.calls == 1)
        key.write_text("longer")
        eventually(lambda: issuer.calls == 2)


def test_a_reload_takes_up_the_new_duty() -> None:
    """Providers that went are no longer asked, new ones are served."""
    clock = Offset()
    events = EventLog()
    shelf = Shelf()
    old, new = Issuer(clock), Issuer(clock, registries=("new.example",))
    duty = Duty(Engine({"new": new}, {"shelf": shelf}, clock=clock))
    engine = Engine({"old": old}, {"shelf": shelf}, clock=clock)
    daemon = Daemon(engine, reload=lambda: duty, tick=0.05, clock=clock, events=events)
    with running(daemon):
        eventually(lambda: old.calls == 1)
        daemon.reload_soon()
        eventually(lambda: shelf.secrets("new.example") != [""])
    assert "reloaded" in events.names()


def test_a_reload_that_fails_keeps_the_old_duty() -> None:
    """Settings that are wrong stop nothing."""

    def fail() -> Duty:
        raise SettingsError("refresher.yaml", (Problem("unknown key", "sink", 3),))

    clock = Offset()
    events = EventLog()
    issuer = Issuer(clock, life=3.0)
    engine = Engine({"prod": issuer}, {"shelf": Shelf()}, clock=clock)
    daemon = Daemon(engine, reload=fail, tick=0.05, clock=clock, events=events)
    with running(daemon):
        eventually(lambda: issuer.calls == 1)
        daemon.reload_soon()
        eventually(lambda: "reload-failed" in events.names())
        calls = issuer.calls
        eventually(lambda: issuer.calls > calls)


def test_a_reload_with_a_fault_of_ours_keeps_the_old_duty() -> None:
    """Whatever a reload raises, the daemon goes on."""
    clock = Offset()
    events = EventLog()

    def fail() -> Duty:
        raise ZeroDivisionError

    engine = Engine({"prod": Issuer(clock)}, {"shelf": Shelf()}, clock=clock)
    daemon = Daemon(engine, reload=fail, tick=0.05, clock=clock, events=events)
    with running(daemon):
        daemon.reload_soon()
        eventually(lambda: "reload-failed" in events.names())


def test_a_thread_that_can_not_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is out of threads costs a tick, and no provider its renewal."""
    clock = Offset()
    events = EventLog()
    shelf = Shelf()
    start = threading.Thread.start
    refused = iter([True])

    def scarce(thread: threading.Thread) -> None:
        if thread.name.startswith("pass ") and next(refused, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    engine = Engine({"prod": Issuer(clock)}, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=0.05, clock=clock, events=events)):
        eventually(lambda: shelf.secrets() != [""])
    assert events.names().count("fault") == 1


def test_a_reload_during_a_pass_serves_what_is_new_at_once() -> None:
    """The end of an old pass is no look of the new duty's."""
    clock = Offset()
    old_shelf, new_shelf = Shelf(), Shelf()
    issuer = Issuer(clock)
    release = threading.Event()
    started = threading.Event()

    def slow() -> Credential:
        started.set()
        release.wait(10)
        return issuer.mint()

    issuer.script = [slow]
    duty = Duty(Engine({"prod": issuer}, {"new": new_shelf}, clock=clock))
    engine = Engine({"prod": issuer}, {"old": old_shelf}, clock=clock)
    daemon = Daemon(engine, reload=lambda: duty, tick=0.05, clock=clock)
    with running(daemon):
        started.wait(10)
        daemon.reload_soon()
        eventually(lambda: daemon._agenda.duty is duty)
        release.set()
        eventually(lambda: new_shelf.secrets() != [""])


def test_a_write_that_has_begun_comes_to_its_end() -> None:
    """A stop waits for what is being written."""
    clock = Offset()
    writing, written = threading.Event(), threading.Event()

    class Slow(Shelf):
        def write(self, target: str, changes: Sequence[Change]) -> Outcome:
            writing.set()
            threading.Event().wait(1.0)
            written.set()
            return super().write(target, changes)

    engine = Engine({"prod": Issuer(clock)}, {"slow": Slow()}, clock=clock)
    with running(Daemon(engine, tick=0.05, clock=clock)):
        writing.wait(10)
    assert written.is_set()


def test_a_fault_of_ours_ends_a_pass_and_not_the_daemon() -> None:
    """Whatever is raised where nothing should be, the other providers are served."""
    clock = Offset()
    events = EventLog()
    shelf = Shelf()

    class Haunted(Engine):
        def renew(self, name: str, how: Pass = PASS) -> ProviderReport:
            if name == "haunted":
                raise ZeroDivisionError
            return super().renew(name, how)

        def upcoming(self, name: str) -> Upcoming:
            if name == "haunted":
                raise ZeroDivisionError
            return super().upcoming(name)

    issuers = {name: Issuer(clock, registries=(f"{name}.example",)) for name in ("haunted", "ok")}
    engine = Haunted(issuers, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=0.05, clock=clock, events=events)):
        eventually(lambda: shelf.secrets("ok.example") != [""])
        eventually(lambda: events.names().count("fault") >= 2)


_HANGING_DAEMON = """
import threading
import refresher

class Hangs:
    def fetch(self, deadline):
        print("fetching", flush=True)
        threading.Event().wait()

refresher.Daemon(refresher.Engine({"prod": Hangs()}, {})).run()
print("ended", flush=True)
"""


def test_a_storm_of_signals_stops_nothing() -> None:
    """A handler may interrupt the loop anywhere, and many times over."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGING_DAEMON],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "fetching\n"
        for _ in range(1000):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.0005)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_stops_within_five_seconds_while_a_provider_hangs(number: int) -> None:
    """A signal ends the process in time, whatever a provider does."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGING_DAEMON],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "fetching\n"
        started = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - started < 5
        assert process.stdout.read() == "ended\n"
