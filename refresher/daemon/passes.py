"""The passes under way: begun, given up, drained. Each has a thread of its own."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from refresher.daemon.agenda import Agenda, Duty
from refresher.daemon.awake import Awake
from refresher.engine.engine import Pass
from refresher.ports import Clock


@dataclass(eq=False, slots=True)
class _Run:
    """One pass; `begun` is in seconds of `Awake`."""

    name: str
    duty: Duty
    begun: float
    thread: threading.Thread = field(default_factory=threading.Thread)
    abandoned: bool = False


class Passes:
    """Makes the passes of an agenda, so that one that hangs costs its thread and nobody's time.

    `begin`, `give_up` and `drain` are for one thread, the owner's. `tell` hears of
    faults, with the provider's name; `ended` is called with it after each pass.
    """

    def __init__(
        self,
        agenda: Agenda,
        clock: Clock,
        awake: Awake,
        *,
        tell: Callable[[str, BaseException], None],
        ended: Callable[[str], None],
    ) -> None:
        """Begin nothing yet."""
        self._agenda = agenda
        self._clock = clock
        self._awake = awake
        self._tell = tell
        self._ended = ended
        self._lock = threading.Lock()
        self._runs: list[_Run] = []
        self._scarce = False

    def begin(self) -> None:
        """Begin every pass that may begin now."""
        while chosen := self._agenda.begin():
            run = _Run(*chosen, self._awake.seconds())
            run.thread = threading.Thread(
                target=self._work, args=(run,), name=f"pass {run.name}", daemon=True
            )
            with self._lock:
                self._runs.append(run)
            try:
                run.thread.start()
            except RuntimeError as error:
                self._put_off(run, error)
                return
            self._scarce = False

    def give_up(self, longest: float) -> list[str]:
        """Plan on without passes that take `longest` seconds. Call every few seconds.

        A provider whose passes hang again and again gets the next one after twice
        the time, and so on: trying goes on, and threads do not run out. Returns
        the providers.
        """
        now = self._awake.seconds()
        runs = self._under_way()
        abandoned = Counter(run.name for run in runs if run.abandoned)
        hung = [
            run
            for run in runs
            if not run.abandoned and now - run.begun >= longest * 2.0 ** abandoned[run.name]
        ]
        for run in hung:
            run.abandoned = True
            self._agenda.finish(run.name, run.duty, failed=True)
        return [run.name for run in hung]

    def drain(self, seconds: float) -> None:
        """Let what is being written come to its end; what hangs is left behind."""
        end = time.monotonic() + seconds
        for run in self._under_way():
            if not run.abandoned:
                run.thread.join(max(end - time.monotonic(), 0.0))

    def _put_off(self, run: _Run, error: RuntimeError) -> None:
        """Plan on after a pass for which there was no thread; told once while that lasts."""
        self._remove(run)
        if not self._scarce:
            self._tell(run.name, error)
        self._scarce = True
        self._agenda.finish(run.name, run.duty, failed=True)
        self._ended(run.name)

    def _work(self, run: _Run) -> None:
        failed, upcoming = True, None
        try:
            begun = self._clock.now()
            report = run.duty.engine.renew(run.name, Pass(patient=True))
            failed, upcoming = report.is_unplanned(begun), report.upcoming
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it ends a pass, not the daemon
            self._tell(run.name, error)
        finally:
            if not run.abandoned:
                self._agenda.finish(run.name, run.duty, failed=failed, upcoming=upcoming)
            self._remove(run)
            self._ended(run.name)

    def _under_way(self) -> list[_Run]:
        with self._lock:
            return list(self._runs)

    def _remove(self, run: _Run) -> None:
        with self._lock:
            self._runs.remove(run)
