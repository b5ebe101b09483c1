"""The long-running refresher: wakes each provider when it is due, and never exits on a fault.

APScheduler triggers, a thread of its own per pass works, and a tick of a few
seconds proves both right: it compares the clocks, looks at the input files and
starts what should have been started. So a moved clock, a suspended host or a
job that the scheduler lost costs one tick.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Final

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from refresher.clock import SystemClock
from refresher.engine.announce import NoEvents
from refresher.engine.engine import Engine, Pass
from refresher.errors import RefresherError, unforeseen
from refresher.model import schedule
from refresher.ports import Clock, Event, EventName, Events, Severity
from refresher.signals import Bell, handled

_JUMP: Final = 5.0
_DRAIN: Final = 2.0
_SHORTEST_PAUSE: Final = 1.0
_AFTER_FAULT: Final = 60.0
_NEVER_BY_ITSELF: Final = 365
"""Days between two runs of a job: its next run is always set by hand."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a daemon does: the engine, and how often it looks for drift, in seconds."""

    engine: Engine
    drift_interval: float = 3600.0


class Daemon:
    """Runs a duty until it is stopped.

    `reload` makes a new duty, on SIGHUP or when `reload_soon` is called; while it
    raises a `RefresherError` the old one goes on.
    """

    def __init__(
        self,
        duty: Duty | Engine,
        *,
        reload: Callable[[], Duty] | None = None,
        clock: Clock | None = None,
        events: Events | None = None,
        tick: float = 10.0,
    ) -> None:
        """Take the duty; nothing runs yet. `tick` is the time in seconds between two looks."""
        self._duty = duty if isinstance(duty, Duty) else Duty(duty)
        self._reload = reload
        self._clock = clock or SystemClock()
        self._events = events or NoEvents()
        self._bell = Bell()
        self._tick_seconds = tick
        self._stopping = False
        self._reloading = False
        self._running: dict[str, threading.Thread] = {}
        self._checked: dict[str, float] = {}
        self._faults: dict[str, int] = {}
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            daemon=True,
            # The defaults drop a job that is a second late, for good.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def stop(self) -> None:
        """Ask the daemon to end. May be called from a signal handler or any thread."""
        self._stopping = True
        self._bell.ring()

    def reload_soon(self) -> None:
        """Ask for a reload of the duty. May be called from a signal handler or any thread."""
        self._reloading = True
        self._bell.ring()

    def run(self) -> None:
        """Work until `stop` is called or SIGTERM or SIGINT arrives, then drain and return.

        Signals are taken when this is the main thread, also as process 1.
        """
        with handled({SIGTERM: self.stop, SIGINT: self.stop, SIGHUP: self.reload_soon}):
            self._scheduler.start()
            self._tell(EventName.STARTED, detail=", ".join(self._duty.engine.providers))
            for name in self._duty.engine.providers:
                self._schedule(name)
            while not self._stopping:
                before = (self._clock.now(), self._clock.monotonic())
                self._bell.wait(self._tick_seconds)
                self._tick(*before)
            self._tell(EventName.STOPPING)
            self._scheduler.shutdown(wait=False)
            self._drain()
            self._tell(EventName.STOPPED)

    def _tick(self, wall: datetime, steady: float) -> None:
        if self._reloading and not self._stopping:
            self._reloading = False
            self._swap()
        slept = self._clock.monotonic() - steady
        jump = schedule.seconds_between(wall, self._clock.now()) - slept
        if abs(jump) > _JUMP:
            detail = f"by {jump:+.0f} s; everything is planned anew"
            self._tell(EventName.CLOCK_JUMPED, Severity.WARNING, detail)
        for name in self._duty.engine.providers:
            if self._stopping:
                return
            if self._next_run(name) <= self._clock.now():
                self._start(name)
            elif self._job_is_lost(name) or abs(jump) > _JUMP:
                self._schedule(name)

    def _start(self, name: str) -> None:
        with self._lock:
            if name in self._running or self._stopping:
                return
            if name not in self._duty.engine.providers:
                return
            thread = threading.Thread(
                target=self._work, args=(name, self._duty), name=f"pass {name}", daemon=True
            )
            # Inside the lock: whoever drains must not find a thread that has not begun.
            try:
                thread.start()
            except RuntimeError as error:
                # No more threads are to be had now; the next tick tries again.
                self._tell_fault(name, error)
            else:
                self._running[name] = thread

    def _work(self, name: str, duty: Duty) -> None:
        failed = True
        try:
            report = duty.engine.renew(name, Pass(patient=True))
            # A failed fetch has a recorded wait; any other failure of a pass gets one here.
            failed = report.error is not None and report.lease.failure is None
        except Exception as error:  # noqa: BLE001 - a fault of ours ends a pass, never the daemon
            self._tell_fault(name, error)
        finally:
            with self._lock:
                self._faults[name] = self._faults.get(name, 0) + 1 if failed else 0
                if duty is self._duty:
                    self._checked[name] = self._clock.monotonic()
                self._running.pop(name, None)
            if name in self._duty.engine.providers:
                self._schedule(name)

    def _schedule(self, name: str) -> None:
        if self._stopping:
            return
        soonest = schedule.after(self._clock.now(), _SHORTEST_PAUSE if name in self._checked else 0)
        self._scheduler.add_job(
            self._start,
            "interval",
            days=_NEVER_BY_ITSELF,
            args=[name],
            id=name,
            next_run_time=max(self._next_run(name), soonest),
            replace_existing=True,
        )

    def _next_run(self, name: str) -> datetime:
        """Return when the provider's next pass is: renewal, retry or the look for drift."""
        now = self._clock.now()
        checked = self._checked.get(name)
        if checked is None:
            return now
        since = self._clock.monotonic() - checked
        if self._faults.get(name):
            wait = min(_AFTER_FAULT, 2.0 ** self._faults[name])
            return schedule.after(now, wait - since)
        drift = schedule.after(now, self._duty.drift_interval - since)
        try:
            return min(self._duty.engine.wake_at(name) or drift, drift)
        except Exception as error:  # noqa: BLE001 - one provider's fault never touches another
            self._tell_fault(name, error)
            return min(schedule.after(now, _AFTER_FAULT), drift)

    def _job_is_lost(self, name: str) -> bool:
        job = self._scheduler.get_job(name)
        return name not in self._running and (job is None or job.next_run_time is None)

    def _swap(self) -> None:
        if self._reload is None:
            return
        try:
            duty = self._reload()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old settings are good
            told = error if isinstance(error, RefresherError) else unforeseen("refresher", error)
            hint = "the old settings stay in use"
            self._tell(EventName.RELOAD_FAILED, Severity.ERROR, str(told), hint)
            return
        before, self._duty = self._duty, duty
        for name in set(before.engine.providers) - set(duty.engine.providers):
            with suppress(JobLookupError):
                self._scheduler.remove_job(name)
        self._checked.clear()
        self._faults.clear()
        self._tell(EventName.RELOADED, detail=", ".join(duty.engine.providers))

    def _drain(self) -> None:
        """Let what is being written come to its end; a provider that hangs is left behind."""
        end = time.monotonic() + _DRAIN
        for thread in list(self._running.values()):
            thread.join(max(end - time.monotonic(), 0.0))

    def _tell_fault(self, name: str, error: Exception) -> None:
        fault = unforeseen("refresher", error)
        self._tell(EventName.FAULT, Severity.ERROR, f"{name}: {fault}", fault.hint)

    def _tell(
        self, name: EventName, severity: Severity = Severity.INFO, detail: str = "", hint: str = ""
    ) -> None:
        # An observer must not raise; one that does all the same must not end the daemon.
        with suppress(Exception):
            self._events.emit(Event(name, severity, detail=detail, hint=hint))
