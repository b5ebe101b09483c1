"""What happened in a world: for the person who reads of a violation, and to compare two runs."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from refresher.ports import Event
from tests.simulation.kernel import Kernel

_LAST: Final = 30


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, when, and what led to it."""

    seed: int
    true: float
    rule: str
    text: str

    def __str__(self) -> str:
        return self.text


class Journal:
    """Keeps the last events of every issuer, and all violations; with `trace`, every line."""

    def __init__(self, kernel: Kernel, seed: int, *, trace: Callable[[str], None] | None) -> None:
        self.kernel = kernel
        self.seed = seed
        self.violations: list[Violation] = []
        self.faults: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._trace = trace
        self._last: dict[str, deque[tuple[float, str, str]]] = {}

    def note(self, subject: str, text: str) -> None:
        """Keep one line about an issuer, a target or a process."""
        lines = self._last.get(subject)
        if lines is None:
            lines = self._last[subject] = deque(maxlen=_LAST)
        lines.append((self.kernel.now, subject, text))
        if self._trace is not None:
            self._trace(_line(self.kernel.now, subject, text))

    def fault(self, subject: str, kind: str, text: str) -> None:
        """Keep a fault that begins, and count its kind."""
        self.faults[kind] += 1
        self.note(subject, f"{kind} {text}")

    def violate(self, rule: str, subjects: tuple[str, ...], text: str) -> None:
        """Keep a violation, and end the world: what follows from one is of no interest."""
        last = [line for each in subjects for line in self._last.get(each, ())]
        lines = sorted(last, key=lambda line: line[0])
        story = "\n".join(f"    {_line(*line)}" for line in lines[-_LAST:])
        head = f"seed {self.seed}, {clock(self.kernel.now)}: {rule}: {text}"
        violation = Violation(self.seed, self.kernel.now, rule, f"{head}\n{story}")
        self.violations.append(violation)
        if self._trace is not None:
            self._trace(f"VIOLATION {head}")
        self.kernel.stopped = True


class Teller:
    """The `Events` of one process: what the engine says of itself goes into the journal."""

    def __init__(self, journal: Journal, process: str, unlocked: Callable[[str], None]) -> None:
        """`unlocked` hears of the issuer whose lock a process does without."""
        self._journal = journal
        self._process = process
        self._unlocked = unlocked

    def emit(self, event: Event) -> None:
        """Keep the event."""
        if event.name == "fault":
            self._journal.violate("fault", (event.provider, self._process), event.detail)
        if event.name == "written":
            return  # The targets tell of it themselves.
        if event.name == "lock-failed":
            self._unlocked(event.provider)
        words = (event.name, event.sink, event.target, event.detail)
        said = " ".join(word for word in words if word)
        self._journal.note(event.provider or self._process, f"{self._process} says {said}")


def _line(true: float, subject: str, text: str) -> str:
    return f"{clock(true)} {subject}: {text}"


def clock(true: float) -> str:
    """Return true time as days, hours, minutes and seconds, of one length."""
    minutes, seconds = divmod(true, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    return f"day {days:4d} {hours:02d}:{minutes:02d}:{seconds:06.3f}"
