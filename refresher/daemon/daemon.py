"""The long-running refresher: wakes each provider when it is due, and never exits on a fault.

| thread | what it does | when it hangs or dies |
|---|---|---|
| main | takes signals, begins passes, watches the others | `Daemon.stalled` says so |
| APScheduler's | asks for each provider's pass at its moment | it is made anew |
| planner | looks for what should have been asked for | it is replaced |
| one per pass | makes it | it is given up |
| reload, events | there while there is something to do | it is given up |

The main thread waits for nothing that may hang.
"""

from collections.abc import Callable
from dataclasses import replace
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Final

from refresher.clock import SystemClock
from refresher.daemon.agenda import Agenda, Duty
from refresher.daemon.awake import Awake, Pulse
from refresher.daemon.outbox import Outbox
from refresher.daemon.passes import Passes
from refresher.daemon.planner import Planner
from refresher.daemon.reloading import Reloader
from refresher.daemon.timetable import Timetable
from refresher.engine.announce import NoEvents
from refresher.engine.engine import Engine
from refresher.errors import RefresherError, unforeseen
from refresher.model.lease import State
from refresher.model.standing import Survey
from refresher.ports import Clock, Event, EventName, Events, Severity
from refresher.signals import Bell, handled

__all__ = ["Daemon", "Duty"]

_DRAIN: Final = 2.0
_SETTLE: Final = 0.5
_SHORTEST_TICK: Final = 0.01
_LONGEST_TICK: Final = 60.0
_SHORTEST_WATCH: Final = 0.5
_LONGEST_WATCH: Final = 30.0

_FILES_HANG: Final = "its input files can't be looked at: their file system does not answer"
_HANGS: Final = "a pass hangs, and is waited for no more: a file system or a store may not answer"


class Daemon:
    """Runs a duty, once, until it is stopped.

    `reload` makes a new duty, on SIGHUP or when `reload_soon` is called; while it
    raises, the old one goes on.
    """

    def __init__(
        self,
        duty: Duty | Engine,
        *,
        reload: Callable[[], Duty] | None = None,
        clock: Clock | None = None,
        events: Events | None = None,
        tick: float = 10.0,
        spread: float = 0.0,
        longest_pass: float = 300.0,
    ) -> None:
        """Take the duty; nothing runs yet.

        `tick` is the time in seconds between two looks, a minute at most. The first
        passes begin somewhere within `spread` seconds, so that a fleet does not ask
        all at once. A pass that takes `longest_pass` seconds is taken to hang.
        """
        clock = clock or SystemClock()
        tick = min(max(tick, _SHORTEST_TICK), _LONGEST_TICK)
        self._interval = min(max(3 * tick, _SHORTEST_WATCH), _LONGEST_WATCH)
        # More than a tick and all that the suspension of a host counts for.
        self._patience = 2 * tick + self._interval
        self._longest_pass = longest_pass
        self._running = False
        self._stopping = False
        self._hanging: set[str] = set()
        self._bell = Bell()
        self._events = Outbox(events or NoEvents())
        awake = Awake(clock, self._interval)
        self._pulse = Pulse(awake)
        self._reloader = Reloader(reload, awake, ring=self._bell.ring)
        tell = self._tell_fault
        self._agenda = Agenda(_whole(duty), clock, tell=tell, wake=self._bell.ring, spread=spread)
        self._timetable = timetable = Timetable(self._agenda.ask, clock, awake)
        self._planner = Planner(
            self._agenda, timetable, awake, tick=tick, patience=self._patience, events=self._events
        )
        self._passes = Passes(self._agenda, clock, awake, tell=tell, ended=self._plan_on)

    def stop(self) -> None:
        """Ask the daemon to end. May be called from a signal handler or any thread."""
        self._stopping = True
        self._bell.ring()

    def reload_soon(self) -> None:
        """Ask for a reload of the duty. May be called from a signal handler or any thread."""
        self._reloader.wish()

    def survey(self) -> Survey:
        """Return how every provider and place stands.

        What the records say is fresh is pending until this process has looked: the
        places may have been emptied while nobody did.
        """
        survey, unknown = self._agenda.duty.engine.survey(), self._agenda.unknown
        places = (
            replace(each, state=State.PENDING)
            if each.provider in unknown and each.state == State.FRESH
            else each
            for each in survey.places
        )
        return replace(survey, places=tuple(places))

    def stalled(self) -> str:
        """Return why no progress is made, "" while there is some: for a liveness check.

        While the host is suspended nothing stalls, nor does it before `run` and
        after `stop`.
        """
        if self._stopping or not self._running:
            return ""
        silence = max(self._pulse.silence, self._planner.silence)
        if silence >= 2 * self._patience:
            return f"nobody has looked after the providers for {silence:.0f} s"
        return "the scheduler does not run" if self._timetable.silent else ""

    def run(self) -> None:
        """Work until `stop` is called or SIGTERM or SIGINT arrives, then drain and return.

        Signals are taken when this is the main thread, also as process 1.
        """
        with handled({SIGTERM: self.stop, SIGINT: self.stop, SIGHUP: self.reload_soon}):
            self._begin()
            while not self._stopping:
                self._turn()
                longest = min(self._interval, self._planner.patience)
                self._bell.wait(self._agenda.pause(longest))
            self._end()

    def _begin(self) -> None:
        self._tell(EventName.STARTED, detail=", ".join(self._agenda.names))
        # Others tell of what comes next.
        self._events.settle(_SETTLE)
        self._timetable.start()
        self._put_all()
        self._planner.start()
        self._running = True

    def _end(self) -> None:
        self._tell(EventName.STOPPING)
        self._planner.stop()
        self._timetable.stop()
        self._passes.drain(_DRAIN)
        self._tell(EventName.STOPPED)
        self._events.settle(_SETTLE)

    def _turn(self) -> None:
        self._pulse.beat()
        try:
            self._take_up(self._reloader.turn())
            for name in self._planner.watch():
                self._tell_hanging(name, _FILES_HANG)
            for name in self._passes.give_up(self._longest_pass):
                self._tell_hanging(name, _HANGS)
                self._planner.put(name)
            self._passes.begin()
        except Exception as error:  # noqa: BLE001 - a fault of ours costs one turn
            self._tell_fault("daemon", error)

    def _take_up(self, reloaded: Duty | RefresherError | None) -> None:
        if isinstance(reloaded, RefresherError):
            hint = "the old settings stay in use"
            self._tell(EventName.RELOAD_FAILED, Severity.ERROR, str(reloaded), hint)
        elif reloaded is not None:
            gone = set(self._agenda.names) - set(reloaded.engine.providers)
            self._agenda.swap(reloaded)
            for name in gone:
                self._timetable.drop(name)
            self._put_all()
            self._tell(EventName.RELOADED, detail=", ".join(self._agenda.names))

    def _put_all(self) -> None:
        for name in self._agenda.names:
            self._planner.put(name)

    def _plan_on(self, name: str) -> None:
        self._hanging.discard(name)
        self._planner.put(name)

    def _tell_hanging(self, name: str, what: str) -> None:
        if name not in self._hanging:
            self._hanging.add(name)
            self._tell(EventName.FAULT, Severity.ERROR, f"{name}: {what}")

    def _tell_fault(self, name: str, error: BaseException) -> None:
        fault = unforeseen("refresher", error)
        self._tell(EventName.FAULT, Severity.ERROR, f"{name}: {fault}", fault.hint)

    def _tell(
        self, name: EventName, severity: Severity = Severity.INFO, detail: str = "", hint: str = ""
    ) -> None:
        self._events.emit(Event(name, severity, detail=detail, hint=hint))


def _whole(duty: Duty | Engine) -> Duty:
    return duty if isinstance(duty, Duty) else Duty(duty)
