"""A slice of the simulation: worlds of every kind, each with everything that can go wrong.

`python -m tests.simulation` runs as many more as one asks for.
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.plan import FAULTS, SLICE, draw
from tests.simulation.run import live

_STORM = 3
_SAME_AGAIN = """
from tests.simulation.test_simulation import trace_of
print(trace_of("brisk", 3))
"""


def trace_of(profile: str, seed: int) -> str:
    """Return a digest of everything that happens in a world."""
    digest = hashlib.sha256()
    live(draw(seed, profile), trace=lambda line: digest.update(line.encode()))
    return digest.hexdigest()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("profile", SLICE)
def test_the_promise_is_kept(profile: str, seed: int) -> None:
    """Whatever goes wrong in a world: no credential lapses, no call and no write is too much."""
    result = live(draw(seed, profile))
    assert not result.violations, str(result.violations[0])
    assert result.counts["writes"]


def test_every_fault_occurs() -> None:
    """In a storm everything happens that can: a fault that never came would be no proof."""
    plan = draw(_STORM, "brisk")
    result = live(replace(plan, calm=0.2, duration=min(plan.duration, 12_000.0)))
    assert not result.violations, str(result.violations[0])
    assert set(result.faults) == set(FAULTS)


def test_a_seed_is_a_world() -> None:
    """The same seed gives the same world, event by event, in another process too."""
    here = trace_of("brisk", 3)
    assert here == trace_of("brisk", 3)
    env = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", _SAME_AGAIN], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == here
