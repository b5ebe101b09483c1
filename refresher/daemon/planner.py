"""The planner: looks after the agenda and the timetable every few seconds."""

import threading
from typing import Final

from refresher.daemon.agenda import Agenda
from refresher.daemon.awake import Awake, Pulse
from refresher.daemon.timetable import Timetable
from refresher.errors import unforeseen
from refresher.model import schedule
from refresher.ports import Event, EventName, Events, Severity

_HURRIED: Final = 1.0
"""After one provider's files hung, the others' may too: they are not waited for as long."""


class Planner:
    """Compares the clocks, asks for what is due, keeps the timetable complete, watches input files.

    A moved clock, a suspended host or a lost job so costs one look. Input files
    come last, for their file system may hang: then the thread is replaced, and
    the provider is left out until its files can be looked at.
    """

    def __init__(
        self,
        agenda: Agenda,
        timetable: Timetable,
        awake: Awake,
        *,
        tick: float,
        patience: float,
        events: Events,
    ) -> None:
        """Look every `tick` seconds once `start` was called.

        A thread that is not heard of for `patience` seconds is replaced.
        """
        self._agenda = agenda
        self._timetable = timetable
        self._tick = tick
        self._patience = patience
        self._events = events
        self._pulse = Pulse(awake)
        self._ended = threading.Event()
        self._stuck: set[str] = set()
        self._hurried = False

    @property
    def silence(self) -> float:
        """The seconds since it was last heard of."""
        return self._pulse.silence

    @property
    def patience(self) -> float:
        """How long it may be silent now, in seconds, before it is replaced."""
        return min(_HURRIED, self._patience) if self._hurried else self._patience

    def start(self) -> None:
        """Begin to look, on a new thread; an earlier one ends as soon as it can."""
        self.stop()
        self._ended = ended = threading.Event()
        thread = threading.Thread(target=self._look_on, args=(ended,), name="planner", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No more threads are to be had now: the next watch tries again.
            self._hurried = True

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def watch(self) -> set[str]:
        """Replace the thread if it is not heard of. Call as often as `patience` says.

        Returns the providers whose input files were found to hang.
        """
        if not self._pulse.missed(self.patience):
            return set()
        before, self._stuck = self._stuck, set(self._agenda.stuck)
        self._hurried = True
        self.start()
        return self._stuck - before

    def put(self, name: str) -> None:
        """Put down in the timetable when the provider's next pass is."""
        moment = self._agenda.next_run(name)
        if moment is not None:
            self._timetable.put(name, moment)

    def _look_on(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self._look(ended)
            except Exception as error:  # noqa: BLE001 - a fault of ours costs one look
                fault = unforeseen("refresher", error)
                self._tell(EventName.FAULT, Severity.ERROR, str(fault), fault.hint)
            ended.wait(self._tick)

    def _look(self, ended: threading.Event) -> None:
        self._tend(self._agenda.look_at_clocks())
        for name in self._agenda.names:
            self._pulse.beat()
            self._agenda.look_at_inputs(name)
            if ended.is_set():
                break
        else:
            self._pulse.beat()
            self._hurried = False

    def _tend(self, moved: float) -> None:
        """Keep the timetable right: it must run, by the clock as it is now, and have everybody."""
        if abs(moved) > schedule.JUMP:
            detail = f"by {moved:+.0f} s; everything is planned anew"
            self._tell(EventName.CLOCK_JUMPED, Severity.WARNING, detail)
            self._timetable.hurry()
        if self._timetable.revive():
            detail = "the scheduler did not run any more; it was started anew"
            self._tell(EventName.FAULT, Severity.ERROR, detail)
        for name in self._timetable.missing(self._agenda.names):
            self.put(name)

    def _tell(self, name: EventName, severity: Severity, detail: str, hint: str = "") -> None:
        self._events.emit(Event(name, severity, detail=detail, hint=hint))
