"""When to renew, how long to wait, when to worry. Nothing else computes these again.

All durations are seconds; all moments are aware UTC datetimes. Randomness comes
in as a number in [0, 1), so every rule can be tested by a table.

| life L | renewed after | margin |
|---|---|---|
| 60 s | 27 to 33 s | 15 s |
| 15 min | 6:45 to 8:15 | 3:45 |
| 1 h | 27 to 33 min | 5 min |
| 12 h | 5:24 to 6:36 h | 36 min |
"""

from datetime import UTC, datetime, timedelta
from typing import Final

SKEW_LIMIT: Final = 30.0
"""A clock difference above this is reported. A smaller one may be the time an answer took."""

JUMP: Final = 5.0
"""A wall clock that moved by more against the monotonic one was set, and did not just drift."""

UNKNOWN_LIFE: Final = 3600.0
"""The life that a credential of unknown expiry is renewed by: the shortest common one."""

LONGEST_LIFE: Final = 100 * 365.25 * 86_400.0
"""An end that is further away says that there is none: Google's keys end in the year 9999
(https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys)."""

SHORTEST_LIFE: Final = 1.0
"""A credential with less left is of no use to anybody, and asking for it is a busy loop."""

LONGEST_RETRY: Final = 900.0
"""No wait after a failure is longer; a record that says otherwise is wrong."""

_HALF: Final = 0.5
_SPREAD: Final = 0.1
_FIVE_MINUTES: Final = 300.0
_WHEN_DEAD: Final = 60.0
_UNCHANGED_FLOOR: Final = 15.0
_UNCHANGED_CEILING: Final = 3600.0
_LONGEST_FETCH: Final = 30.0
_MAX_DOUBLINGS: Final = 16
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def renew_after(life: float, draw: float) -> float:
    """Return how long after its receipt a credential of `life` is renewed.

    `draw` is drawn once per credential and the result is kept: a moment that is
    drawn again at each look drifts.
    """
    return life * (_HALF + (draw - _HALF) * _SPREAD)


def margin(life: float) -> float:
    """Return how long before its end a credential that is not yet renewed is urgent."""
    return min(max(_FIVE_MINUTES, life / 20), life / 4)


def fetch_deadline(remaining: float) -> float:
    """Return how long a fetch may take when the credential in use has `remaining` left.

    With 0 or less, nothing is lost by waiting: a slow answer is better than none.
    """
    if remaining <= 0:
        return _LONGEST_FETCH
    return min(max(remaining / 10, 1.0), _LONGEST_FETCH)


def retry_after(
    attempts: int,
    remaining: float,
    draw: float,
    *,
    permanent: bool = False,
    asked: float | None = None,
) -> float:
    """Return the wait after failure number `attempts` (from 1): full jitter, growing, bounded.

    `remaining` is the life of what is still in use, 0 or less when that is dead
    or nothing was there: then the wait is at most a minute. `asked` is the wait
    that the other side asked for; it is honoured within the same bound.
    """
    ceiling = LONGEST_RETRY if permanent else _FIVE_MINUTES
    bound = min(ceiling, remaining / 4) if remaining > 0 else _WHEN_DEAD
    bound = max(bound, 1.0)
    backoff = draw * 2.0 * 2.0 ** min(attempts, _MAX_DOUBLINGS)
    return min(max(backoff, asked or 0.0, 1.0), bound)


def lock_patience(remaining: float) -> float:
    """Return how long a daemon waits for another run that has the lock.

    That run may be frozen, so the wait ends while there is time to do without it.
    """
    return max(remaining / 4, 1.0) if remaining > 0 else _WHEN_DEAD


def ask_again_after(remaining: float) -> float:
    """Return the wait after the provider answered with the same credential again.

    A quarter of what remains, within 15 seconds and an hour.
    """
    return max(_UNCHANGED_FLOOR, min(remaining / 4, _UNCHANGED_CEILING))


def seconds_between(start: datetime, end: datetime) -> float:
    """Return `end - start` in seconds."""
    return (end - start).total_seconds()


def after(moment: datetime, seconds: float) -> datetime:
    """Return the moment `seconds` after `moment`, rounded down to milliseconds.

    Rounded once, here: a stored and a recomputed moment that disagree in the
    last digit would make something due in one place and not in another. What
    lies beyond the calendar becomes its first or last moment.
    """
    try:
        later = moment + timedelta(seconds=seconds)
    except OverflowError:
        later = _LAST if seconds > 0 else _FIRST
    return later.replace(microsecond=later.microsecond // 1000 * 1000)


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Tell whether a moment lies in the future, more than a clock within the skew limit allows."""
    return seconds_between(now, moment) > SKEW_LIMIT
