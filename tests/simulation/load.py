"""Many worlds at once, on all processors."""

import gc
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tests.simulation.journal import Violation
from tests.simulation.plan import PROFILES, draw
from tests.simulation.run import Result, live


@dataclass(frozen=True, slots=True)
class Task:
    """One world to run, or the first `part` of its time."""

    seed: int
    profile: str
    part: float = 1.0


@dataclass(slots=True)
class Tally:
    """What came of all worlds so far."""

    worlds: int = 0
    credential_years: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, Violation]] = field(default_factory=list)

    def add(self, profile: str, result: Result) -> None:
        """Count one world."""
        self.worlds += 1
        self.credential_years += result.credential_years
        self.counts += result.counts
        self.faults += result.faults
        self.violations += [(profile, each) for each in result.violations]


def seeds(first: int, count: int, profiles: Iterable[str]) -> list[Task]:
    """Return `count` worlds, of all profiles in turn."""
    names = list(profiles)
    return [Task(seed, names[seed % len(names)]) for seed in range(first, first + count)]


def years(first: int, wanted: float, profile: str) -> list[Task]:
    """Return worlds of one profile that make so many credential-years together."""
    tasks, seed, total = [], first, 0.0
    while total < wanted:
        whole = draw(seed, profile).credential_years
        part = min((wanted - total) / whole, 1.0)
        tasks.append(Task(seed, profile, part))
        total += whole * part
        seed += 1
    return tasks


def spent(tasks: Iterable[Task], jobs: int) -> Iterator[Tally]:
    """Run the worlds on `jobs` processes; yield the tally after each."""
    tally = Tally()
    # Long worlds first: the last ones to end are then short ones.
    ordered = sorted(tasks, key=lambda task: -PROFILES[task.profile].passes * task.part)
    # Worlds make little garbage that refers to itself: it is looked for less often.
    context = multiprocessing.get_context("fork")
    with context.Pool(jobs, gc.set_threshold, (100_000, 50, 50)) as pool:
        for profile, result in pool.imap_unordered(_live, ordered):
            tally.add(profile, result)
            yield tally


def _live(task: Task) -> tuple[str, Result]:
    plan = draw(task.seed, task.profile)
    return task.profile, live(replace(plan, duration=plan.duration * task.part))
