"""The times: a table for the common lives, bounds for all others."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model import schedule

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

LIVES = st.floats(min_value=0.001, max_value=100 * 365 * DAY)
DRAWS = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("life", "earliest", "latest", "margin"),
    [
        (60, 27, 33, 15),
        (15 * MINUTE, 6.75 * MINUTE, 8.25 * MINUTE, 3.75 * MINUTE),
        (HOUR, 27 * MINUTE, 33 * MINUTE, 5 * MINUTE),
        (3 * HOUR, 81 * MINUTE, 99 * MINUTE, 9 * MINUTE),
        (12 * HOUR, 5.4 * HOUR, 6.6 * HOUR, 36 * MINUTE),
        (365 * DAY, 0.45 * 365 * DAY, 0.55 * 365 * DAY, 18.25 * DAY),
    ],
    ids=["60 s", "15 min", "1 h", "3 h", "12 h", "1 year"],
)
def test_common_lives(life: float, earliest: float, latest: float, margin: float) -> None:
    """Each common life is renewed around its half, and is urgent before its end."""
    assert schedule.renew_after(life, 0.0) == pytest.approx(earliest)
    assert schedule.renew_after(life, 0.5) == pytest.approx(life / 2)
    assert schedule.renew_after(life, 1.0) == pytest.approx(latest)
    assert schedule.margin(life) == pytest.approx(margin)


@given(LIVES, DRAWS)
@settings(deadline=None)
def test_renewal_comes_before_urgency(life: float, draw: float) -> None:
    """A renewal always has a fifth of the life for its retries before anybody shouts."""
    renewed = schedule.renew_after(life, draw)
    assert 0 < renewed < life
    assert renewed + life / 5 <= life - schedule.margin(life) + 1e-6 * life


@pytest.mark.parametrize(
    ("remaining", "deadline"),
    [
        (-1e9, 30),
        (0, 30),
        (0.1, 1),
        (10, 1),
        (33, 3.3),
        (300, 30),
        (301, 30),
        (12 * HOUR, 30),
        (float("inf"), 30),
    ],
)
def test_the_deadline_of_a_fetch(remaining: float, deadline: float) -> None:
    """A fetch gets a tenth of what is left, within 1 and 30 s, and all 30 s with nothing left."""
    assert schedule.fetch_deadline(remaining) == pytest.approx(deadline)


@pytest.mark.parametrize(
    ("attempts", "remaining", "draw", "wait"),
    [
        (1, 12 * HOUR, 0.0, 1),
        (1, 12 * HOUR, 0.5, 2),
        (2, 12 * HOUR, 0.5, 4),
        (3, 12 * HOUR, 0.5, 8),
        (7, 12 * HOUR, 0.5, 128),
        (8, 12 * HOUR, 0.999, 300),
        (20, 12 * HOUR, 0.5, 300),
        (20, 12 * HOUR, 0.0, 1),
        (20, 40, 0.5, 10),
        (20, 4, 0.5, 1),
        (20, 0.1, 0.5, 1),
        (20, 0, 0.5, 60),
        (20, -1e9, 0.5, 60),
        (1, 0, 0.5, 2),
        (2000, 12 * HOUR, 0.5, 300),
        (2000, 0, 0.999, 60),
        (10**9, float("inf"), 0.5, 300),
    ],
)
def test_the_wait_after_a_failure(
    attempts: int, remaining: float, draw: float, wait: float
) -> None:
    """The wait doubles with each failure, and its bound follows what is left."""
    assert schedule.retry_after(attempts, remaining, draw) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("attempts", "remaining", "wait"),
    [
        (1, 12 * HOUR, 2),
        (9, 12 * HOUR, 512),
        (10, 12 * HOUR, 900),
        (2000, 12 * HOUR, 900),
        (2000, 100, 25),
        (2000, 0, 60),
    ],
)
def test_the_wait_after_a_permanent_failure(attempts: int, remaining: float, wait: float) -> None:
    """A permanent failure is tried again, too: in up to 15 minutes, and each minute once dead."""
    assert schedule.retry_after(attempts, remaining, 0.5, permanent=True) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("asked", "remaining", "wait"),
    [
        (None, 12 * HOUR, 2),
        (0.0, 12 * HOUR, 2),
        (-5.0, 12 * HOUR, 2),
        (float("nan"), 12 * HOUR, 2),
        (1.0, 12 * HOUR, 2),
        (100.0, 12 * HOUR, 100),
        (1e9, 12 * HOUR, 300),
        (float("inf"), 12 * HOUR, 300),
        (100.0, 80, 20),
        (100.0, 0, 60),
    ],
)
def test_the_wait_that_the_other_side_asks_for(
    asked: float | None, remaining: float, wait: float
) -> None:
    """A server may ask for a longer wait, and never for one that lets the credential die."""
    assert schedule.retry_after(1, remaining, 0.5, asked=asked) == pytest.approx(wait)


@given(
    st.integers(min_value=1, max_value=10**6),
    st.floats(min_value=-1e12, max_value=1e12),
    DRAWS,
    st.booleans().map(lambda permanent: {"permanent": permanent}),
    st.none() | st.floats(),
)
@settings(deadline=None)
def test_no_failure_waits_too_long(
    attempts: int, remaining: float, draw: float, kind: dict[str, bool], asked: float | None
) -> None:
    """Whatever happens, the wait has a floor, a ceiling, and leaves time to try again."""
    wait = schedule.retry_after(attempts, remaining, draw, **kind, asked=asked)
    assert 1 <= wait <= (schedule.LONGEST_RETRY if kind["permanent"] else 300)
    if remaining <= 0:
        assert wait <= 60
    else:
        assert wait <= max(1, remaining / 4)


@pytest.mark.parametrize(
    ("remaining", "wait"),
    [
        (-5, 15),
        (0, 15),
        (60, 15),
        (61, 15.25),
        (30 * MINUTE, 7.5 * MINUTE),
        (4 * HOUR, HOUR),
        (12 * HOUR, HOUR),
        (365 * DAY, HOUR),
        (float("inf"), HOUR),
    ],
)
def test_the_wait_after_the_same_credential(remaining: float, wait: float) -> None:
    """An unchanged credential is asked for again the sooner, the less is left of it."""
    assert schedule.ask_again_after(remaining) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [(0.0, 0), (0.0004, 0), (1.5, 1500), (1.4999, 1499), (-1.5, -1500), (-0.0004, -1)],
)
def test_a_moment_later(seconds: float, milliseconds: int) -> None:
    """A moment is moved by seconds, and rounded down to milliseconds."""
    assert schedule.after(NOON, seconds) == NOON + timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("seconds", [1e12, 1e18, 1e300, float("inf")])
def test_a_moment_beyond_the_calendar(seconds: float) -> None:
    """What lies beyond the calendar is its first or last moment, and no error."""
    last, first = schedule.after(NOON, seconds), schedule.after(NOON, -seconds)
    assert (last.year, first.year) == (9999, 1)
    assert schedule.after(last, seconds) == last
    assert schedule.after(first, -seconds) == first
    assert first < NOON < last


@given(st.datetimes(timezones=st.just(UTC)), st.floats(min_value=-1e13, max_value=1e13))
@settings(deadline=None)
def test_cutting_twice_changes_nothing(moment: datetime, seconds: float) -> None:
    """A recomputed moment equals the stored one."""
    later = schedule.after(moment, seconds)
    assert schedule.after(later, 0) == later
    assert later.tzinfo is UTC


def test_seconds_between() -> None:
    """The difference is signed, and zones make no difference."""
    assert schedule.seconds_between(NOON, NOON + timedelta(minutes=1)) == 60
    assert schedule.seconds_between(NOON + timedelta(minutes=1), NOON) == -60
    assert (
        schedule.seconds_between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        > 9998 * 365 * DAY
    )
