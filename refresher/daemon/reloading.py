"""The reload of a duty: on a thread of its own, for reading settings may hang."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from refresher.daemon.agenda import Duty
from refresher.daemon.awake import Awake
from refresher.errors import RefresherError, RetryableError, unforeseen

_LONGEST: Final = 60.0


@dataclass(eq=False, slots=True)
class _Run:
    """One reload; `begun` is in seconds of `Awake`, `result` is there at its end."""

    begun: float
    result: Duty | RefresherError | None = None


class Reloader:
    """Makes a new duty when one is wished for, one at a time.

    `ring` is called when one is wished for and when there is a result.
    """

    def __init__(
        self,
        make: Callable[[], Duty] | None,
        awake: Awake,
        *,
        ring: Callable[[], None],
        longest: float = _LONGEST,
    ) -> None:
        """Take what makes a duty, None where there is never a new one."""
        self._make = make
        self._awake = awake
        self._ring = ring
        self._longest = longest
        self._wished = False
        self._run: _Run | None = None

    def wish(self) -> None:
        """Ask for a new duty. May be called from a signal handler and from any thread."""
        self._wished = True
        self._ring()

    def turn(self) -> Duty | RefresherError | None:
        """Go on: return what a reload came to, once. For the owner's thread alone.

        A reload that hangs is given up; what it may still come to is dropped.
        """
        run, result = self._run, None
        if run is not None:
            result = run.result or self._overdue(run)
            self._run = None if result else run
        if self._wished and self._run is None:
            self._wished = False
            self._begin()
        return result

    def _begin(self) -> None:
        if self._make is None:
            return
        run = _Run(self._awake.seconds())
        work = partial(self._work, run, self._make)
        try:
            threading.Thread(target=work, name="reload", daemon=True).start()
        except RuntimeError:
            # No more threads are to be had now: the next turn tries again.
            self._wished = True
        else:
            self._run = run

    def _work(self, run: _Run, make: Callable[[], Duty]) -> None:
        try:
            run.result = make()
        except RefresherError as error:
            run.result = error
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the old settings are good
            run.result = unforeseen("refresher", error)
        self._ring()

    def _overdue(self, run: _Run) -> RefresherError | None:
        age = self._awake.seconds() - run.begun
        if age < self._longest:
            return None
        return RetryableError(f"the settings can't be read: no answer within {age:.0f} s")
