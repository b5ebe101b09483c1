"""One world from its first moment to its last, and what came of it."""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.journal import Violation
from tests.simulation.plan import Plan
from tests.simulation.processes import Processes
from tests.simulation.weather import Weather
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a world."""

    plan: Plan
    credential_years: float
    counts: Counter[str]
    faults: Counter[str]
    violations: tuple[Violation, ...]


def live(plan: Plan, *, trace: Callable[[str], None] | None = None) -> Result:
    """Let a world live until its end, or until a promise is broken."""
    with tempfile.TemporaryDirectory(prefix="refresher-simulation-") as folder:
        world = World(plan, Path(folder), trace=trace)
        processes = Processes(world, random.Random(f"processes {plan.seed}"))  # noqa: S311 - a world, no secret
        world.step = processes.die_at_step
        processes.begin()
        Weather(processes, random.Random(f"weather {plan.seed}")).begin()  # noqa: S311 - a world, no secret
        world.kernel.run(plan.duration)
    journal = world.journal
    share = world.kernel.now / plan.duration
    return Result(
        plan,
        plan.credential_years * share,
        journal.counts,
        journal.faults,
        tuple(journal.violations),
    )
