"""Time in which the process ran: frozen time is none, and silence is counted in it."""

import pytest

from refresher.daemon.awake import Awake, Pulse
from refresher.testing import FakeClock


def test_time_that_somebody_saw_counts() -> None:
    """Asked often enough, it is the monotonic clock."""
    clock = FakeClock()
    awake = Awake(clock, 30.0)
    for _ in range(10):
        clock.advance(20.0)
        awake.seconds()
    assert awake.seconds() == 200.0


@pytest.mark.parametrize("seconds", [31.0, 7 * 3600.0, 400 * 86_400.0])
def test_time_that_nobody_saw_counts_for_a_step(seconds: float) -> None:
    """A host that was suspended, however long, was awake for one step at most."""
    clock = FakeClock()
    awake = Awake(clock, 30.0)
    clock.advance(seconds)
    assert awake.seconds() == 30.0


def test_the_wall_clock_counts_for_nothing() -> None:
    """It may be set at will."""
    clock = FakeClock()
    awake = Awake(clock, 30.0)
    clock.jump(20.0)
    assert awake.seconds() == 0.0


def test_a_pulse_is_missed_once_for_each_time_of_patience() -> None:
    """Whoever acts on it acts at the pace of its patience, and again after a beat."""
    clock = FakeClock()
    pulse = Pulse(Awake(clock, 30.0))
    missed = []
    for _ in range(9):
        clock.advance(10.0)
        missed.append(pulse.missed(30.0))
    assert missed == [False, False, True] * 3
    assert pulse.silence == 90.0
    pulse.beat()
    assert pulse.silence == 0.0
    assert not pulse.missed(30.0)
    clock.advance(30.0)
    assert pulse.missed(30.0)
