"""Which passes may begin: few at once, and nobody waits for those that hang."""

import pytest

from refresher.daemon.admission import SIDE_BY_SIDE, Running


def full(*, usual: float = 0.0) -> Running:
    """Return as many passes as may run, begun at 100 s; others took `usual` seconds."""
    running = Running()
    if usual:
        running.begin("before", 100 - usual)
        running.end("before", 100)
    for number in range(SIDE_BY_SIDE):
        assert running.has_room(100)
        running.begin(f"p{number}", 100)
    return running


def test_it_holds_what_is_under_way() -> None:
    """Each by its name, with the moment at which it began."""
    running = full()
    assert "p0" in running
    assert running.begun("p0") == 100
    running.end("p0", 100.1)
    assert "p0" not in running
    assert running.begun("p0") is None
    assert list(running) == [f"p{number}" for number in range(1, SIDE_BY_SIDE)]


def test_an_end_makes_room_for_one() -> None:
    """Where passes come to their end there are never more side by side."""
    running = full()
    for number in range(100):
        now = 100.1 + number / 100
        assert not running.has_room(now) or number >= 15
        running.end(f"p{number}", now)
        assert running.has_room(now)
        running.begin(f"p{number + SIDE_BY_SIDE}", now)


@pytest.mark.parametrize(
    ("usual", "seconds"),
    [(0.0, 0.25), (0.05, 0.25), (0.2, 0.4), (0.4, 0.8), (0.6, 1.0), (30.0, 1.0)],
)
def test_when_all_hang_others_begin(usual: float, seconds: float) -> None:
    """After a quarter of a second, or twice what passes take; after a second in any case."""
    running = full(usual=usual)
    assert not running.has_room(100 + seconds - 0.01)
    assert running.has_room(100 + seconds + 0.01)
    for number in range(SIDE_BY_SIDE):
        assert running.has_room(100 + seconds + 0.01)
        running.begin(f"later-{number}", 100 + seconds + 0.01)
    assert not running.has_room(100 + seconds + 0.02)


def test_those_that_hang_take_no_room_from_others() -> None:
    """While others come to their ends, each that takes twice as long is left out of the count."""
    running = Running()
    for number in range(SIDE_BY_SIDE - 1):
        running.begin(f"hangs-{number}", 100)
    for number in range(4):
        running.begin("quick", 100 + number / 10)
        running.end("quick", 100.1 + number / 10)
    for number in range(SIDE_BY_SIDE):
        assert running.has_room(100.41)
        running.begin(f"p{number}", 100.41)
    assert not running.has_room(100.42)


def test_where_all_are_slow_no_more_begin() -> None:
    """Passes that wait for each other come to their ends: more of them would only be slower."""
    running = full(usual=4.0)
    for number in range(60):
        now = 100 + (number + 1) * 0.5
        assert not running.has_room(now - 0.01)
        running.end(f"p{number}", now)
        assert running.has_room(now)
        running.begin(f"p{number + SIDE_BY_SIDE}", now)


def test_one_that_hung_and_ended_makes_no_room_twice() -> None:
    """It was left out of the count before."""
    running = full()
    assert running.has_room(101)
    for number in range(SIDE_BY_SIDE):
        running.begin(f"later-{number}", 101)
    running.end("p0", 101.1)
    assert not running.has_room(101.1)
