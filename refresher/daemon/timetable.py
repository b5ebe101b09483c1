"""Calls by name at a given time, on APScheduler, so that none can be lost.

What its defaults and its clocks do to a job that matters
(https://apscheduler.readthedocs.io/en/3.x/userguide.html):

- a job that is a second late is dropped, a date job for good; so there is no grace
  time, and each is an interval job that nobody lets come to its interval;
- a job that comes due while it still runs is skipped; so it may run many times over;
- its thread ends with the first trigger that raises, and a wall clock that is set
  back stops it for as long; so a heartbeat tells whether it still runs, and it can
  be made anew.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.background import BackgroundScheduler

from refresher.daemon.awake import Awake, Pulse
from refresher.ports import Clock

_NEVER_BY_ITSELF: Final = 365
"""Days between two runs of a job: its next run is always set by hand."""

_MANY: Final = 1_000_000
_BEAT: Final = 60.0
_LONGEST_SILENCE: Final = 150.0
_LONGEST_STOP: Final = 1.0
_HEARTBEAT: Final = " heartbeat"
"""No name of a provider has a space in it."""


class Timetable:
    """Calls `call(name)` at the moment that was last put down for the name.

    `call` returns at once: all calls take turns on one thread. Safe to use from
    several threads.
    """

    def __init__(
        self, call: Callable[[str], None], clock: Clock, awake: Awake, *, zone: tzinfo = UTC
    ) -> None:
        """Make a scheduler; `start` sets it going. It tells the time in `zone`."""
        self._call = call
        self._clock = clock
        self._pulse = Pulse(awake)
        self._zone = zone
        self._scheduler = self._made()

    @property
    def silent(self) -> bool:
        """Whether the scheduler's heartbeat is missed."""
        return self._pulse.silence >= _LONGEST_SILENCE

    def start(self) -> None:
        """Begin to call."""
        with suppress(RuntimeError):
            # No more threads are to be had now: `revive` tries again.
            self._scheduler.start()
        self._put_heartbeat()

    def stop(self) -> None:
        """Call no more; what was called goes on."""
        scheduler = self._scheduler
        # It waits for its own thread, and whoever stops it can't know how that fares.
        closer = threading.Thread(target=_shut_down, args=(scheduler,), name="stop", daemon=True)
        try:
            closer.start()
        except RuntimeError:
            # No more threads are to be had now: its own stays, and does nothing.
            scheduler.pause()
        else:
            closer.join(_LONGEST_STOP)

    def revive(self) -> bool:
        """Begin anew, with nothing put down, if the heartbeat is missed; tell whether it was.

        While it can't be had again, that is tried each time that the patience ends.
        """
        if not self._pulse.missed(_LONGEST_SILENCE):
            return False
        self.stop()
        self._scheduler = self._made()
        self.start()
        return True

    def put(self, name: str, moment: datetime) -> None:
        """Call at `moment`, at once if that is past; what was put down before is void."""
        self._scheduler.add_job(
            self._call,
            "interval",
            days=_NEVER_BY_ITSELF,
            args=[name],
            id=name,
            next_run_time=max(moment, self._clock.now()),
            replace_existing=True,
        )

    def drop(self, name: str) -> None:
        """Do not call any more."""
        with suppress(JobLookupError):
            self._scheduler.remove_job(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return those names for which nothing is put down."""
        there = {job.id for job in self._scheduler.get_jobs() if job.next_run_time is not None}
        return [name for name in names if name not in there]

    def hurry(self) -> None:
        """Look at the clock again: it moved, and what was waited for may be years away now."""
        self._put_heartbeat()

    def _put_heartbeat(self) -> None:
        self._scheduler.add_job(
            self._pulse.beat,
            "interval",
            seconds=_BEAT,
            id=_HEARTBEAT,
            next_run_time=self._clock.now(),
            replace_existing=True,
        )

    def _made(self) -> BackgroundScheduler:
        # At INFO it tells of every run.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        return BackgroundScheduler(
            timezone=self._zone,
            daemon=True,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": _MANY},
        )


def _shut_down(scheduler: BackgroundScheduler) -> None:
    # It was not started, or has no thread to wait for.
    with suppress(SchedulerNotRunningError, RuntimeError):
        scheduler.shutdown(wait=False)
