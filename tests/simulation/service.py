"""Processes: the daemon as a loop over its agenda, and the run that cron starts."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from refresher.daemon.agenda import Agenda, Duty
from refresher.engine.engine import Engine, Pass
from refresher.engine.oneshot import run_once
from refresher.model import schedule
from tests.simulation.journal import Journal
from tests.simulation.kernel import Crew
from tests.simulation.machine import Host
from tests.simulation.promise import PROMPT, TICK

_SLACK: Final = 1e-3
_PATIENT: Final = Pass(patient=True)


class Wiring(Protocol):
    """Makes the engine of a process as the settings are now."""

    def __call__(self, crew: Crew) -> Engine:
        """Return an engine that knows nothing yet."""
        ...


class Daemon:
    """What `refresher.daemon` is, without its threads: it owns an agenda and makes the passes.

    Two things begin a pass, as there: the timetable, at the moment that the wall
    clock shows, and the look every ten seconds. Looks that would find nothing are
    left out.
    """

    def __init__(
        self,
        crew: Crew,
        host: Host,
        wire: Wiring,
        journal: Journal,
        draw: random.Random,
        *,
        drift_interval: float,
    ) -> None:
        self.crew = crew
        self._host = host
        self._wire = wire
        self._journal = journal
        self._kernel = journal.kernel
        self._phase = self._kernel.now
        self._drift_interval = drift_interval
        self._alarms: dict[str, float] = {}
        self._agenda = Agenda(
            self._duty(), host, tell=self._tell, spread=draw.uniform(0, 1), draw=draw.random
        )
        self._put_all()

    @property
    def busy_with(self) -> tuple[str, ...]:
        """The providers whose pass is under way."""
        return tuple(self._agenda._running)

    def reload(self) -> None:
        """Take up the settings as they are now."""
        self._agenda.swap(self._duty())
        self._put_all()

    def look_soon(self) -> None:
        """Look at the next tick: something moved that no timetable knows of."""
        self._kernel.at(self._tick(self._kernel.now), self._look)

    def look(self) -> None:
        """Look now, as at a tick that finds nothing."""
        self._agenda.look()

    def _duty(self) -> Duty:
        return Duty(self._wire(self.crew), self._drift_interval)

    def _tick(self, true: float) -> float:
        return self._phase + math.ceil((true - self._phase) / TICK) * TICK

    def _put_all(self) -> None:
        self._alarms.clear()
        for name in self._agenda.names:
            self._put(name)

    def _put(self, name: str) -> None:
        entry = self._agenda._entries.get(name)
        if entry is None:
            return
        alarm = self._host.when(entry.wall)
        steady = self._host.true_of(entry.steady)
        if alarm > steady + _SLACK:
            # The wall clock is slow, or was set back: a look finds it by the other clock.
            alarm = min(alarm, self._tick(steady))
        alarm = max(alarm, self._kernel.now)
        self._alarms[name] = alarm
        self._kernel.at(alarm, partial(self._ring, name, alarm))

    def _ring(self, name: str, alarm: float) -> None:
        crew, kernel = self.crew, self._kernel
        if self._alarms.get(name) != alarm or not crew.alive:
            return
        if crew.frozen_until > kernel.now:
            kernel.at(self._tick(crew.frozen_until), partial(self._ring, name, alarm))
            return
        moment = self._agenda.next_run(name)
        if moment is not None and self._host.when(moment) <= kernel.now + _SLACK:
            self._agenda.ask(name)
            self._fill()
            self._judge(name, alarm)
        else:
            self._look()

    def _judge(self, name: str, alarm: float) -> None:
        waiting = name in self._agenda._waiting
        if waiting:
            self._kernel.after(PROMPT, partial(self._still_waiting, name, alarm))

    def _still_waiting(self, name: str, alarm: float) -> None:
        frozen = self.crew.frozen_until > alarm
        if name in self._agenda._waiting and self.crew.alive and not frozen:
            text = f"{name} is due and waits for others"
            self._journal.violate("prompt", (name, self.crew.name), text)

    def _look(self) -> None:
        crew = self.crew
        if not crew.alive:
            return
        if crew.frozen_until > self._kernel.now:
            self._kernel.at(self._tick(crew.frozen_until), self._look)
            return
        moved = self._agenda.look()
        if abs(moved) > schedule.JUMP:
            self._put_all()
        self._fill()
        for name in self._agenda.names:
            if self._alarms.get(name, 0.0) <= self._kernel.now and self._rests(name):
                self._put(name)

    def _rests(self, name: str) -> bool:
        return name not in self._agenda._running and name not in self._agenda._waiting

    def _fill(self) -> None:
        while self.crew.alive and (chosen := self._agenda.begin()):
            name, duty = chosen
            self._kernel.start(self.crew, partial(self._work, name, duty))
        if self._agenda._waiting:
            self._kernel.after(self._agenda.pause(TICK), self._fill)

    def _work(self, name: str, duty: Duty) -> None:
        self._journal.counts["passes"] += 1
        begun = self._host.now()
        report = duty.engine.renew(name, _PATIENT)
        if report.error is not None and "refresher has a fault" in str(report.error):
            self._tell(name, report.error)
        failed, upcoming = report.is_unplanned(begun), report.upcoming
        self._agenda.finish(name, duty, failed=failed, upcoming=upcoming)
        self._put(name)
        self._fill()

    def _tell(self, name: str, error: BaseException) -> None:
        cause = error.__cause__ or error
        self._journal.violate("fault", (name, self.crew.name), f"{name}: {error}: {cause!r}")


def run_from_cron(
    crew: Crew, host: Host, engine: Engine, *, done: Callable[[], None], seconds: float = 60.0
) -> None:
    """Make one run of a process that then ends."""
    run_once(engine, host, seconds=seconds)
    crew.alive = False
    done()
