"""What APScheduler does to a job that matters, and that our timetable loses no call all the same.

Each trap is shown twice on the real scheduler: with its defaults, so that the test
tells when they change, and with ours.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from refresher.clock import SystemClock
from refresher.daemon.awake import Awake
from refresher.daemon.timetable import Timetable
from refresher.testing import FakeClock

_HOUR = 3600.0


class Hand(tzinfo):
    """A time zone for APScheduler whose clock can be set: moments pass through it unchanged.

    `datetime.now(zone)` is how APScheduler reads the clock.
    """

    shift = 0.0

    def utcoffset(self, _: datetime | None) -> timedelta:
        """Return that of UTC."""
        return timedelta()

    def dst(self, _: datetime | None) -> timedelta:
        """Return none."""
        return timedelta()

    def tzname(self, _: datetime | None) -> str:
        """Return a name."""
        return "hand"

    def fromutc(self, moment: datetime) -> datetime:
        """Move what the clock shows; what is merely converted was not read just now."""
        age = datetime.now(UTC) - moment.replace(tzinfo=UTC)
        is_reading = timedelta() <= age < timedelta(milliseconds=5)
        return moment + timedelta(seconds=self.shift if is_reading else 0.0)


class Shifted(SystemClock):
    """The real clock, set as a `Hand` is."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand

    def now(self) -> datetime:
        """Return the moved time."""
        return super().now() + timedelta(seconds=self.hand.shift)


class Broken(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A trigger that fires once and then raises."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return now the first time."""
        if previous is not None:
            raise ZeroDivisionError
        return now


class Endless(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A trigger that hangs when it fired, until it is released."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return now the first time."""
        if previous is None:
            return now
        self.reached.set()
        self.released.wait(10)
        return None


class Calls:
    """Keeps the names that were called; the calls of some do what they are told."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.does: dict[str, Callable[[], object]] = {}

    def __call__(self, name: str) -> None:
        """Keep the name, and do what it does."""
        self.names.append(name)
        self.does.get(name, lambda: None)()


class Stand:
    """A timetable that runs, with its time of silence in our hand."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.calls = Calls()
        self.silence = FakeClock()
        self.awake = Awake(self.silence, 30.0)
        self.clock = Shifted(self.hand)
        self.timetable = Timetable(self.calls, self.clock, self.awake, zone=self.hand)

    def put(self, name: str, seconds: float = 0.0) -> None:
        """Put a call down."""
        self.timetable.put(name, self.clock.now() + timedelta(seconds=seconds))

    def silent(self) -> bool:
        """Tell whether the heartbeat is missed."""
        return self.timetable.silent

    def pass_time(self, seconds: float) -> None:
        """Let the process run for a time in which nothing else happens."""
        for _ in range(int(seconds // 10)):
            self.silence.advance(10.0)
            self.awake.seconds()

    def set_clock(self, seconds: float) -> None:
        """Set the wall clock by that much, when everything that runs at once is done."""
        time.sleep(0.05)
        self.hand.shift += seconds


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Give a timetable that runs."""
    stand = Stand()
    stand.timetable.start()
    yield stand
    stand.timetable.stop()


@pytest.fixture
def bare() -> Iterator[BackgroundScheduler]:
    """Give APScheduler as it comes, but for the time zone."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start()
    yield scheduler
    scheduler.shutdown(wait=False)


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Tell whether the condition comes to hold."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def wait_in(running: threading.Event, release: threading.Event) -> None:
    """Tell that this runs, and wait."""
    running.set()
    release.wait(10)


def ago(seconds: float) -> datetime:
    """Return a moment that is past."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_bare_a_date_job_that_is_late_is_dropped_for_good(bare: BackgroundScheduler) -> None:
    """The default grace time is one second, and what missed it is removed."""
    calls = Calls()
    bare.add_job(calls, "date", args=["prod"], id="prod", run_date=ago(5))
    assert eventually(lambda: bare.get_job("prod") is None)
    time.sleep(0.1)
    assert calls.names == []


@pytest.mark.parametrize("late", [0.0, 2.0, 5.0, _HOUR, 10 * 365 * 24 * _HOUR])
def test_a_call_that_is_late_is_made(stand: Stand, late: float) -> None:
    """However far past the moment is, the call is made, once."""
    stand.put("prod", -late)
    assert eventually(lambda: stand.calls.names)
    time.sleep(0.1)
    assert stand.calls.names == ["prod"]


def test_bare_a_busy_pool_loses_what_waits(bare: BackgroundScheduler) -> None:
    """A job that a full pool could not take within the grace time is dropped."""
    calls = Calls()
    bare.add_executor("threadpool", alias="one", max_workers=1)
    calls.does["first"] = lambda: time.sleep(1.3)
    for name in ("first", "second"):
        bare.add_job(calls, "date", args=[name], id=name, executor="one", run_date=ago(0))
    assert eventually(lambda: bare.get_job("second") is None)
    time.sleep(1.6)
    assert calls.names == ["first"]


def test_a_call_that_waits_for_others_is_made(stand: Stand) -> None:
    """Calls take turns, and none gives up."""
    stand.calls.does["first"] = lambda: time.sleep(1.3)
    stand.put("first")
    stand.put("second")
    assert eventually(lambda: stand.calls.names == ["first", "second"])


def test_bare_a_date_job_that_comes_due_while_it_runs_is_lost(bare: BackgroundScheduler) -> None:
    """It is skipped, for one instance may run, and removed, for it had its date."""
    calls, running, release = Calls(), threading.Event(), threading.Event()
    calls.does["prod"] = lambda: wait_in(running, release)

    def put() -> None:
        bare.add_job(
            calls, "date", args=["prod"], id="prod", misfire_grace_time=None, run_date=ago(0)
        )

    put()
    assert running.wait(10)
    put()
    assert eventually(lambda: bare.get_job("prod") is None)
    release.set()
    time.sleep(0.2)
    assert calls.names == ["prod"]


def test_a_call_that_comes_due_while_it_runs_is_made_again(stand: Stand) -> None:
    """However often it is put down meanwhile, none of it is lost."""
    running, release = threading.Event(), threading.Event()
    stand.calls.does["prod"] = lambda: wait_in(running, release)
    stand.put("prod")
    assert running.wait(10)
    stand.put("prod")
    assert eventually(lambda: stand.timetable._scheduler.get_job("prod").next_run_time > ago(-60))
    release.set()
    assert eventually(lambda: stand.calls.names == ["prod", "prod"])


def test_a_call_that_puts_itself_down_is_made_again(stand: Stand) -> None:
    """A job that is changed while it runs keeps the change."""

    def put_again() -> None:
        if len(stand.calls.names) < 5:
            stand.put("prod", 0.01)

    stand.calls.does["prod"] = put_again
    stand.put("prod")
    assert eventually(lambda: len(stand.calls.names) == 5)


def _ignore_dead_thread() -> pytest.MarkDecorator:
    return pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@_ignore_dead_thread()
def test_bare_a_trigger_that_raises_ends_all_jobs(bare: BackgroundScheduler) -> None:
    """The thread is gone, and the scheduler says that it runs."""
    calls = Calls()
    bare.add_job(calls, "interval", args=["beat"], seconds=0.05)
    bare.add_job(calls, Broken(), args=["broken"])
    assert eventually(lambda: not bare._thread.is_alive())
    made = len(calls.names)
    time.sleep(0.3)
    assert len(calls.names) <= made + 1
    assert bare.running


@_ignore_dead_thread()
def test_a_dead_scheduler_is_noticed_and_made_anew(stand: Stand) -> None:
    """Its heartbeat is missed; the new one makes the calls that are put down for it."""
    assert eventually(lambda: stand.timetable._pulse.silence == 0)
    stand.timetable._scheduler.add_job(lambda: None, Broken())
    assert eventually(lambda: not stand.timetable._scheduler._thread.is_alive())
    stand.put("prod")
    stand.pass_time(140)
    assert stand.silent() is False
    assert not stand.timetable.revive()
    stand.pass_time(20)
    assert stand.silent() is True
    assert stand.timetable.revive()
    assert stand.timetable.missing(["prod"]) == ["prod"]
    stand.put("prod")
    assert eventually(lambda: stand.calls.names == ["prod"])
    assert eventually(lambda: not stand.silent())
    assert not stand.timetable.revive()


def test_a_scheduler_without_a_thread_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread is to be had nothing raises, and it is revived in the rhythm of its beat."""
    start, scarce = threading.Thread.start, threading.Event()
    scarce.set()

    def refuse(thread: threading.Thread) -> None:
        if scarce.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    stand = Stand()
    stand.timetable.start()
    stand.put("prod")
    revived = []
    for _ in range(40):
        stand.pass_time(10)
        revived.append(stand.timetable.revive())
    assert revived.count(True) == 2
    assert stand.silent()
    scarce.clear()
    stand.pass_time(60)
    assert stand.timetable.revive()
    stand.put("prod")
    assert eventually(lambda: stand.calls.names == ["prod"])
    assert not stand.silent()
    stand.timetable.stop()


def test_bare_a_clock_that_is_set_back_stops_even_a_heartbeat() -> None:
    """It sleeps until the wall clock shows again what it showed before."""
    hand, calls = Hand(), Calls()
    scheduler = BackgroundScheduler(timezone=hand)
    scheduler.start()
    scheduler.add_job(
        calls, IntervalTrigger(seconds=0.1, timezone=UTC), args=["beat"], next_run_time=ago(0)
    )
    assert eventually(lambda: len(calls.names) > 2)
    hand.shift -= _HOUR
    time.sleep(0.3)
    made = len(calls.names)
    time.sleep(0.5)
    assert len(calls.names) == made
    scheduler.shutdown(wait=False)


def test_a_clock_that_is_set_back_is_made_up_for(stand: Stand) -> None:
    """After `hurry` the heart beats, and what is put down by the clock as it is now is called."""
    stand.put("prod", 0.3)
    stand.set_clock(-_HOUR)
    time.sleep(0.5)
    assert stand.calls.names == []
    stand.pass_time(200)
    assert stand.silent()
    stand.timetable.hurry()
    stand.put("prod", 0.3)
    assert eventually(lambda: stand.calls.names == ["prod"])
    assert not stand.silent()


def test_bare_a_clock_that_is_set_forward_wakes_nobody() -> None:
    """It sleeps on for as long as it had meant to."""
    hand, calls = Hand(), Calls()
    scheduler = BackgroundScheduler(timezone=hand)
    scheduler.start()
    scheduler.add_job(calls, "date", args=["prod"], run_date=ago(-_HOUR))
    time.sleep(0.05)
    hand.shift += 7 * _HOUR
    time.sleep(0.4)
    assert calls.names == []
    scheduler.shutdown(wait=False)


def test_a_clock_that_is_set_forward_is_made_up_for(stand: Stand) -> None:
    """After `hurry` what has come due is called at once."""
    stand.put("prod", _HOUR)
    stand.set_clock(7 * _HOUR)
    stand.timetable.hurry()
    assert eventually(lambda: stand.calls.names == ["prod"])


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit], ids=["exception", "exit"])
def test_a_call_that_raises_ends_no_other(stand: Stand, error: type[BaseException]) -> None:
    """Whatever a call raises, the next one is made."""

    def fail() -> None:
        raise error

    stand.calls.does["broken"] = fail
    stand.put("broken")
    stand.put("prod", 0.1)
    assert eventually(lambda: stand.calls.names == ["broken", "prod"])


def test_what_is_put_down_last_counts(stand: Stand) -> None:
    """A later moment takes the place of an earlier one, and nothing is called twice."""
    stand.put("prod", 0.1)
    stand.put("prod", 0.4)
    time.sleep(0.25)
    assert stand.calls.names == []
    assert eventually(lambda: stand.calls.names == ["prod"])


def test_what_is_dropped_is_not_called(stand: Stand) -> None:
    """A dropped name is called no more, and to drop what is not there is no error."""
    stand.put("prod", 0.1)
    stand.timetable.drop("prod")
    stand.timetable.drop("prod")
    time.sleep(0.2)
    assert stand.calls.names == []


def test_what_is_missing_is_told(stand: Stand) -> None:
    """Of the names that are asked about, those with nothing put down are returned."""
    stand.put("prod", _HOUR)
    stand.put("paused", _HOUR)
    stand.timetable._scheduler.pause_job("paused")
    assert stand.timetable.missing(["prod", "paused", "lost"]) == ["paused", "lost"]
    stand.timetable._scheduler.remove_all_jobs()
    assert stand.timetable.missing(["prod"]) == ["prod"]


def test_a_moment_beyond_the_calendar_is_never() -> None:
    """The end of the calendar can be put down."""
    stand = Stand()
    stand.timetable.start()
    stand.timetable.put("prod", datetime.max.replace(tzinfo=UTC))
    time.sleep(0.1)
    assert stand.calls.names == []
    assert stand.timetable.missing(["prod"]) == []
    stand.timetable.stop()


@_ignore_dead_thread()
def test_a_scheduler_that_hangs_does_not_keep_who_stops_it(stand: Stand) -> None:
    """Stopping takes a second or so, whatever the scheduler's thread does."""
    endless = Endless()
    stand.timetable._scheduler.add_job(lambda: None, endless)
    assert endless.reached.wait(10)
    thread = stand.timetable._scheduler._thread
    started = time.monotonic()
    stand.timetable.stop()
    assert time.monotonic() - started < 2
    endless.released.set()
    assert eventually(lambda: not thread.is_alive())


@pytest.mark.parametrize("started", [False, True], ids=["never started", "stopped"])
def test_it_can_be_stopped_at_any_time(*, started: bool) -> None:
    """A stop before the start, or after another one, is no error."""
    stand = Stand()
    if started:
        stand.timetable.start()
        stand.timetable.stop()
    stand.timetable.stop()
    stand.put("prod")


def test_no_thread_is_left_behind() -> None:
    """What was started ends with a stop."""
    before = set(threading.enumerate())
    stand = Stand()
    stand.timetable.start()
    stand.put("prod")
    assert eventually(lambda: stand.calls.names)
    stand.timetable.stop()
    assert eventually(lambda: set(threading.enumerate()) <= before)
