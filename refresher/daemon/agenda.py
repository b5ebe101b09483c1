"""When each provider's next pass is, and which may begin now: the daemon's planning.

No threads and no scheduler in here: whoever owns those asks. A plan is kept by
the wall clock and by the monotonic one, and whichever says due first is
believed: a clock that moves can only make a pass early.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.daemon.admission import SHORTEST, Running
from refresher.engine.engine import Engine
from refresher.engine.report import Upcoming
from refresher.model import schedule
from refresher.ports import Clock

_SHORTEST_PAUSE: Final = 1.0
_LONGEST_AFTER_FAULT: Final = 60.0
_MOST_DOUBLINGS: Final = 6

_EARLIER: Final = 0.1
"""The share of the drift interval by which a look for drift is early at most. Drawn each time:
hosts that started together would otherwise look together at the places that they share."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a daemon does: the engine, and how often it looks for drift, in seconds."""

    engine: Engine
    drift_interval: float = 300.0


@dataclass(slots=True)
class _Entry:
    """One provider's next pass by both clocks, and what is known of its last one.

    `looked` is when that ended, `took` how long it took. `watched` tells that
    somebody looks at the input files at this moment.
    """

    duty: Duty
    wall: datetime
    steady: float
    looked: float | None = None
    took: float = 0.0
    inputs: str = ""
    faults: int = 0
    watched: bool = False


class Agenda:
    """Plans the passes of a duty. Safe to call from several threads.

    At first every provider is due, somewhere within `spread` seconds: hosts that
    start together must not ask together. `tell` hears of a fault that planning
    met, with the provider's name. `wake` is called when a pass may have become
    possible.
    """

    def __init__(
        self,
        duty: Duty,
        clock: Clock,
        *,
        tell: Callable[[str, BaseException], None],
        wake: Callable[[], None] = lambda: None,
        spread: float = 0.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Plan the first passes; nothing is asked of the engine yet."""
        self._clock = clock
        self._tell = tell
        self._wake = wake
        self._draw = draw
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}
        self._running = Running()
        self._seen = (clock.now(), clock.monotonic())
        self._known: set[str] = set()
        self._take(duty, lambda: spread * draw())

    @property
    def duty(self) -> Duty:
        """What the passes are made by."""
        return self._duty

    @property
    def names(self) -> tuple[str, ...]:
        """The providers that are planned for."""
        return tuple(self._entries)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The providers that this process has made no whole pass over yet."""
        return tuple(name for name in self.names if name not in self._known)

    @property
    def stuck(self) -> tuple[str, ...]:
        """The providers whose input files somebody looks at now."""
        return tuple(name for name, entry in tuple(self._entries.items()) if entry.watched)

    def swap(self, duty: Duty) -> None:
        """Take up another duty. Each of its providers is due at once; passes under way go on."""
        with self._lock:
            self._waiting.clear()
            self._take(duty, lambda: 0.0)

    def next_run(self, name: str) -> datetime | None:
        """Return when the provider's next pass is by the wall clock, None for one that is gone."""
        entry = self._entries.get(name)
        return None if entry is None else entry.wall

    def look(self) -> float:
        """Look at the clocks and at all input files; see `look_at_clocks`."""
        moved = self.look_at_clocks()
        for name in self.names:
            self.look_at_inputs(name)
        return moved

    def look_at_clocks(self) -> float:
        """Put every provider that is due in the queue; call it every few seconds.

        Returns the seconds that the wall clock moved against the monotonic one
        since the last look. After a jump everybody gets a pass: what is recorded
        means something else now.
        """
        moved = self._moved()
        jumped = abs(moved) > schedule.JUMP
        wall, steady = self._seen
        for name, entry in tuple(self._entries.items()):
            seen = jumped and entry.looked is not None
            if seen or entry.wall <= wall or entry.steady <= steady:
                self.ask(name)
        return moved

    def look_at_inputs(self, name: str) -> None:
        """Put the provider in the queue if its input files changed.

        That takes as long as their file system does: for ever, at worst.
        Meanwhile others leave this provider out.
        """
        entry = self._entries.get(name)
        if entry is None or entry.looked is None or entry.watched or name in self._running:
            return
        entry.watched = True
        try:
            changed = entry.duty.engine.inputs(name) != entry.inputs
        finally:
            entry.watched = False
        if changed:
            self.ask(name)

    def ask(self, name: str) -> None:
        """Put the provider in the queue, unless it runs: then its end plans what is due."""
        with self._lock:
            if name not in self._entries or name in self._running:
                return
            self._waiting[name] = None
        self._wake()

    def begin(self) -> tuple[str, Duty] | None:
        """Return a provider whose pass may begin now, and the duty to make it by.

        Those that took the least time the last time come first. None if there is
        none, or if enough passes are under way.
        """
        if not self._waiting:
            return None
        with self._lock:
            steady = self._clock.monotonic()
            if not self._waiting or not self._running.has_room(steady):
                return None
            name = min(self._waiting, key=lambda each: self._entries[each].took)
            del self._waiting[name]
            self._running.begin(name, steady)
            return name, self._duty

    def finish(
        self, name: str, duty: Duty, *, failed: bool = False, upcoming: Upcoming | None = None
    ) -> None:
        """Plan on after a pass, which said what is `upcoming`; else the engine is asked.

        `failed` tells that the engine has recorded no wait for it. It is not asked
        then, so this takes no time.
        """
        with self._lock:
            entry, steady = self._entries.get(name), self._clock.monotonic()
            begun = self._running.begun(name)
            # The end of an old duty's pass is no look of the new one's.
            ours = entry is not None and entry.duty is duty
            if entry is not None and ours:
                entry.looked = steady
                entry.took = 0.0 if begun is None else steady - begun
                entry.faults = entry.faults + 1 if failed else 0
                if not failed:
                    self._known.add(name)
        try:
            if ours:
                self.plan(name, upcoming)
        finally:
            # Only now: whoever looks must not take the plan of the last pass for one that is due.
            with self._lock:
                if begun is not None and self._running.begun(name) == begun:
                    self._running.end(name, self._clock.monotonic())
            if self._waiting:
                self._wake()

    def plan(self, name: str, upcoming: Upcoming | None = None) -> None:
        """Plan the provider's next pass: renewal, retry or the look for drift."""
        entry = self._entries.get(name)
        if entry is not None:
            self._put(entry, max(self._wait(name, entry, upcoming), 0.0))

    def pause(self, longest: float) -> float:
        """Return how long, in seconds, nobody has to call `begin`; at most `longest`."""
        return min(SHORTEST, longest) if self._waiting else longest

    def _take(self, duty: Duty, delay: Callable[[], float]) -> None:
        now, steady = self._clock.now(), self._clock.monotonic()
        self._duty = duty
        self._entries = {name: _Entry(duty, now, steady) for name in duty.engine.providers}
        for entry in self._entries.values():
            self._put(entry, delay())

    def _put(self, entry: _Entry, wait: float) -> None:
        entry.wall = schedule.after(self._clock.now(), wait)
        entry.steady = self._clock.monotonic() + wait

    def _moved(self) -> float:
        (wall, steady), self._seen = self._seen, (self._clock.now(), self._clock.monotonic())
        return schedule.seconds_between(wall, self._seen[0]) - (self._seen[1] - steady)

    def _wait(self, name: str, entry: _Entry, upcoming: Upcoming | None) -> float:
        if entry.looked is None:
            return 0.0
        since = self._clock.monotonic() - entry.looked
        if entry.faults:
            return min(_LONGEST_AFTER_FAULT, 2.0 ** min(entry.faults, _MOST_DOUBLINGS)) - since
        drift = entry.duty.drift_interval * (1 - _EARLIER * self._draw()) - since
        try:
            upcoming = upcoming or entry.duty.engine.upcoming(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one's fault never touches another
            self._tell(name, error)
            return min(_LONGEST_AFTER_FAULT, drift)
        entry.inputs, wake = upcoming.inputs, upcoming.wake
        wait = drift if wake is None else schedule.seconds_between(self._clock.now(), wake)
        return max(min(wait, drift), _SHORTEST_PAUSE)
