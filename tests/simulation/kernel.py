"""The kernel: true time, an ordered heap of events, and strands in place of threads.

A strand is a greenlet. It gives control away only where it sleeps or waits, so
a run is a function of its seed alone. Idle time costs nothing: the kernel goes
from one event to the next.
"""

import heapq
from collections.abc import Callable
from typing import Final, cast

from greenlet import getcurrent, greenlet

FOREVER: Final = float("inf")
_IN_STOCK: Final = 24


class Crew:
    """The strands that live and die together: those of one process.

    A dead crew's strands never run again. While it is frozen, as on a suspended
    host, they run later. `fuse` counts the steps after which it is killed, 0 for none.
    """

    def __init__(self, name: str, *, lasting: bool = False) -> None:
        """`lasting` tells that its process is to run for ever."""
        self.name = name
        self.lasting = lasting
        self.alive = True
        self.frozen_from = 0.0
        self.frozen_until = 0.0
        self.fuse = 0
        self.on_death: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return self.name


class Strand(greenlet):
    """One thread of a crew. `starter` is who waits for its first stop, `turn` voids old alarms.

    To make a greenlet costs more than an idle pass, so they are used again.
    """

    __slots__ = ("crew", "starter", "turn", "work")

    crew: Crew
    work: Callable[[], None]
    starter: greenlet | None
    turn: int


_NOBODY: Final = Crew("nobody")


class Kernel:
    """Owns true time, in seconds from the start of the world."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None] | Strand, int]] = []
        self._count = 0
        self._hub = getcurrent()
        self._idle: list[Strand] = []
        self.stopped = False

    def run(self, until: float) -> None:
        """Let time pass. What a strand raises is raised here."""
        events, pop = self._events, heapq.heappop
        while events and events[0][0] <= until and not self.stopped:
            if len(self._idle) < _IN_STOCK:
                self._stock()
            self.now, _, what, turn = pop(events)
            if turn < 0:
                cast("Callable[[], None]", what)()
            else:
                self._resume(cast("Strand", what), turn)
        if not self.stopped:
            self.now = until

    def at(self, moment: float, call: Callable[[], None]) -> None:
        """Call at `moment`, or now if that is past."""
        self._push(moment, call, -1)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `seconds` from now."""
        self._push(self.now + seconds, call, -1)

    def start(self, crew: Crew, work: Callable[[], None]) -> Strand:
        """Run `work` as a strand until it first stops, or to its end."""
        strand = self._idle.pop() if self._idle else self._made(lasting=False)
        strand.crew, strand.work, strand.starter = crew, work, getcurrent()
        strand.switch()
        return strand

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass for the calling strand."""
        if seconds > 0:
            self.park(seconds)

    def park(self, seconds: float = FOREVER) -> None:
        """Stop the calling strand until it is woken, or for `seconds`."""
        strand = self.strand()
        if seconds < FOREVER:
            self._push(self.now + seconds, strand, strand.turn)
        self._leave(strand)

    def wake(self, strand: Strand) -> None:
        """Let a strand that is parked go on, after what is under way at this moment."""
        self._push(self.now, strand, strand.turn)

    def strand(self) -> Strand:
        """Return the calling strand."""
        return cast("Strand", getcurrent())

    def _push(self, moment: float, what: Callable[[], None] | Strand, turn: int) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(moment, self.now), self._count, what, turn))

    def _made(self, *, lasting: bool) -> Strand:
        strand = Strand(self._work_on if lasting else self._work_once, self._hub)
        strand.turn = 0
        return strand

    def _stock(self) -> None:
        # Here alone: a greenlet begins at the depth of recursion of its maker, and one
        # that was made by a strand would have used up a part of what there is.
        for _ in range(_IN_STOCK):
            strand = self._made(lasting=True)
            strand.starter, strand.crew = self._hub, _NOBODY
            strand.switch()

    def _work_on(self) -> None:
        strand = self.strand()
        while True:
            self._idle.append(strand)
            self._leave(strand)
            strand.work()
            strand.turn += 1
            del strand.work

    def _work_once(self) -> None:
        strand = self.strand()
        strand.work()
        strand.turn += 1
        self._leave(strand)

    def _leave(self, strand: Strand) -> None:
        starter, strand.starter = strand.starter, None
        # A dead crew's starter must not go on either.
        (starter if starter is not None and strand.crew.alive else self._hub).switch()

    def _resume(self, strand: Strand, turn: int) -> None:
        if turn != strand.turn or not strand.crew.alive:
            return
        if strand.crew.frozen_until > self.now:
            self._push(strand.crew.frozen_until, strand, turn)
            return
        strand.turn += 1
        strand.switch()
