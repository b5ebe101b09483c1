"""A host with clocks that may be wrong, and what a process on it gets for threads and locks."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Generic, TypeVar

from refresher.engine.workers import Answer, attempt, no_more
from refresher.errors import LockTimeoutError, RefresherError, RetryableError, StoreError
from tests.simulation.kernel import Crew, Kernel, Strand

T = TypeVar("T")

EPOCH: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The start of the world, by clocks that are right."""

_BOOTED: Final = 1000.0


def moment(true: float) -> datetime:
    """Return true time as a clock that is right shows it."""
    return EPOCH + timedelta(seconds=true)


class Host:
    """The clocks of one host: a `Clock` for its processes.

    The wall clock goes at `rate`, and `error` seconds from the truth. The monotonic
    one is right and counts suspension (CLOCK_BOOTTIME).
    """

    def __init__(self, kernel: Kernel, *, rate: float = 1.0, error: float = 0.0) -> None:
        self._kernel = kernel
        self._rate = rate
        self._set_at = 0.0
        self._set_to = error
        self._shown, self._shown_at = EPOCH, -1.0

    def now(self) -> datetime:
        """Return the wall clock."""
        true = self._kernel.now
        if self._shown_at != true:
            self._shown, self._shown_at = moment(self._wall(true)), true
        return self._shown

    def monotonic(self) -> float:
        """Return the seconds since boot."""
        return self._kernel.now + _BOOTED

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Let `seconds` pass for the calling strand."""
        self._kernel.sleep(seconds)
        return stop.is_set()

    def step(self, seconds: float) -> None:
        """Move the wall clock."""
        true = self._kernel.now
        self._set_at, self._set_to = true, self._wall(true) + seconds
        self._shown_at = -1.0

    def error(self) -> float:
        """Return the wall clock minus the truth, in seconds."""
        return self._wall(self._kernel.now) - self._kernel.now

    def when(self, shown: datetime) -> float:
        """Return the true time at which the wall clock shows a moment, as it goes now."""
        ahead = (shown - EPOCH).total_seconds() - self._set_to
        return self._set_at + ahead / self._rate

    @staticmethod
    def true_of(steady: float) -> float:
        """Return the true time of a reading of the monotonic clock."""
        return steady - _BOOTED

    def _wall(self, true: float) -> float:
        return self._set_to + (true - self._set_at) * self._rate


class SimWorkers:
    """`Workers` of one process: every call is a strand of its own."""

    def __init__(self, kernel: Kernel, crew: Crew) -> None:
        self._kernel = kernel
        self._crew = crew

    def run(
        self,
        calls: Mapping[str, Callable[[], T]],
        seconds: float,
        more: Callable[[str], float] = no_more,
    ) -> Mapping[str, Answer[T]]:
        """See `Workers.run`."""
        kernel, waiting = self._kernel, False
        caller = kernel.strand()
        answers: dict[str, Answer[T]] = {}

        def work(name: str, call: Callable[[], T]) -> None:
            answers[name] = attempt(call)
            if waiting and len(answers) == len(calls):
                kernel.wake(caller)

        for each in calls.items():
            kernel.start(self._crew, partial(work, *each))
        while len(answers) < len(calls) and seconds > 0:
            waiting = True
            kernel.park(seconds)
            waiting = False
            seconds = max((more(name) for name in calls if name not in answers), default=0.0)
        # What ends from now on is a late call: its answer goes nowhere.
        return {name: answers.get(name) or _late(name) for name in calls}

    def stream(
        self, calls: Mapping[str, Callable[[], T]], at_once: int, seconds: float, total: float
    ) -> Iterator[Mapping[str, Answer[T]]]:
        """See `Workers.stream`."""
        stream: _Stream[T] = _Stream(self._kernel, self._crew)
        waiting, end = list(calls.items()), self._kernel.now + total
        while True:
            while waiting and len(stream.deadlines) < at_once and self._kernel.now < end:
                stream.begin(*waiting.pop(0), min(self._kernel.now + seconds, end))
            if not stream.deadlines:
                return
            yield stream.next()

    def mutex(self) -> AbstractContextManager[object]:
        """See `Workers.mutex`."""
        return _Mutex(self._kernel)


class _Stream(Generic[T]):
    """Calls under way; `deadlines` has those whose answers were not given yet."""

    def __init__(self, kernel: Kernel, crew: Crew) -> None:
        self.deadlines: dict[str, float] = {}
        self._kernel = kernel
        self._crew = crew
        self._caller = kernel.strand()
        self._parked = False
        self._ended: dict[str, Answer[T]] = {}

    def begin(self, name: str, call: Callable[[], T], deadline: float) -> None:
        """Begin a call."""
        self.deadlines[name] = deadline
        self._kernel.start(self._crew, partial(self._work, name, call))

    def next(self) -> dict[str, Answer[T]]:
        """Return the answers that there are, as soon as there is one."""
        while not self._ended:
            self._parked = True
            self._kernel.park(min(self.deadlines.values()) - self._kernel.now)
            self._parked = False
            now = self._kernel.now
            late = (name for name, deadline in self.deadlines.items() if deadline <= now)
            self._ended = self._ended or {name: _late(name) for name in late}
        answers, self._ended = self._ended, {}
        for name in answers:
            del self.deadlines[name]
        return answers

    def _work(self, name: str, call: Callable[[], T]) -> None:
        answer = attempt(call)
        if name in self.deadlines:
            self._ended[name] = answer
            if self._parked:
                self._kernel.wake(self._caller)
                self._parked = False


def _late(name: str) -> Answer[T]:
    return Answer(error=RetryableError(f"{name}: no answer in time"))


class _Mutex:
    """A lock between strands of one process, in order of arrival."""

    __slots__ = ("_holder", "_kernel", "_queue")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._holder: Strand | None = None
        self._queue: deque[Strand] | None = None

    def __enter__(self) -> None:
        strand = self._kernel.strand()
        while self._holder is not None:
            self._queue = self._queue or deque()
            self._queue.append(strand)
            self._kernel.park()
        self._holder = strand

    def __exit__(self, *_: object) -> None:
        self._holder = None
        if self._queue:
            self._kernel.wake(self._queue.popleft())


class LockRoom:
    """The locks of all processes that share their records; a dead holder's are free."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.broken: RefresherError | None = None
        self._holders: dict[str, Crew] = {}
        self._queues: dict[str, list[Strand]] = {}

    def is_held(self, name: str, *, by_others_than: Crew) -> bool:
        """Tell whether another living process holds the lock."""
        holder = self._holders.get(name)
        return holder is not None and holder.alive and holder is not by_others_than

    def take(self, name: str, crew: Crew, wait: float) -> None:
        """Take the lock for `crew`. Raises `LockTimeoutError`."""
        if self.broken is not None:
            raise self.broken
        end = self.kernel.now + wait
        while (holder := self._holders.get(name)) is not None and holder.alive:
            left = end - self.kernel.now
            if left <= 0:
                raise LockTimeoutError(f"{name}: another run holds the lock")
            queue = self._queues.setdefault(name, [])
            strand = self.kernel.strand()
            queue.append(strand)
            self.kernel.park(left)
            # A strand is used again: nobody may wake it for what it no longer waits for.
            if strand in queue:
                queue.remove(strand)
        self._holders[name] = crew

    def give_back(self, name: str, crew: Crew) -> None:
        """Free the lock, if it is still this process's."""
        if crew.alive and self._holders.get(name) is crew:
            del self._holders[name]
            self._call_in(name)

    def break_down(self) -> None:
        """Let no lock be made until `broken` is taken away."""
        self.broken = StoreError("the locks can't be reached")

    def bury(self, crew: Crew) -> None:
        """Free what a dead process held."""
        for name in [each for each, holder in self._holders.items() if holder is crew]:
            del self._holders[name]
            self._call_in(name)

    def _call_in(self, name: str) -> None:
        for strand in self._queues.pop(name, ()):
            self.kernel.wake(strand)


class SimLock:
    """The `Lock` of one process."""

    def __init__(self, room: LockRoom, crew: Crew) -> None:
        self._room = room
        self._crew = crew

    def hold(self, name: str, wait: float) -> AbstractContextManager[None]:
        """See `Lock.hold`."""
        return _Held(self._room, self._crew, name, wait)


class _Held(AbstractContextManager[None]):
    """A lock while it is held. A generator in its place would cost a twentieth of an idle pass."""

    __slots__ = ("_crew", "_name", "_room", "_wait")

    def __init__(self, room: LockRoom, crew: Crew, name: str, wait: float) -> None:
        self._room = room
        self._crew = crew
        self._name = name
        self._wait = wait

    def __enter__(self) -> None:
        self._room.take(self._name, self._crew, self._wait)

    def __exit__(self, *_: object) -> None:
        self._room.give_back(self._name, self._crew)
