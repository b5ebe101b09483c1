"""Leases: when a fetch is due, what an arrival makes of the record, whatever the clocks do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model import schedule
from refresher.model.arrival import accept, same_credential, skew
from refresher.model.credential import NEVER, UNKNOWN, Credential, Expiry, Secret
from refresher.model.lease import Failure, Lease, Origin, State, Terms, due, told_anew

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
LIFE = 12 * HOUR
ORIGIN = Origin("settings-1", "inputs-1")


def at(seconds: float) -> datetime:
    """Return the moment `seconds` after noon."""
    return NOON + timedelta(seconds=seconds)


def credential(life: Expiry | float = LIFE, **changes: Any) -> Credential:
    """Return a credential that is issued at noon and ends `life` seconds later."""
    expires = at(life) if isinstance(life, float) else life
    fields = {"issued_at": NOON, "expires_at": expires, **changes}
    return Credential(("registry.example",), "AWS", Secret("canary-hunter2"), **fields)


def arrive(
    offered: Credential, received: datetime = NOON, previous: Lease | None = None, **changes: Any
) -> Lease:
    """Return the lease of what a provider offered, drawn in the middle."""
    arguments = {"terms": Terms(), "draw": 0.5, "previous": previous or Lease(), **changes}
    lease = accept(offered, b"fingerprint", received=received, **arguments)
    return replace(lease, origin=ORIGIN)


def failed(lease: Lease, when: datetime, wait: float) -> Lease:
    """Return the lease after a failed attempt."""
    return replace(lease, failure=Failure("no route", when, 1, schedule.after(when, wait)))


HELD = arrive(credential())


# --- due ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lease",
    [Lease(), Lease(origin=ORIGIN), replace(HELD, fingerprint=None), replace(HELD, received=None)],
    ids=["empty", "origin only", "no fingerprint", "never received"],
)
def test_a_fetch_is_due_when_there_is_no_credential(lease: Lease) -> None:
    """Whatever is missing of the record, the first fetch is due."""
    assert due(lease, NOON, ORIGIN) == "there is no credential yet"


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-20, None),
        (0, None),
        (6 * HOUR - 0.001, None),
        (6 * HOUR, "its renewal time has come"),
        (LIFE - 0.001, "its renewal time has come"),
        (LIFE, "it has ended"),
        (YEAR, "it has ended"),
        (-31, "it was received in the future: the clock moved back"),
        (-LIFE, "it was received in the future: the clock moved back"),
        (-YEAR, "it was received in the future: the clock moved back"),
    ],
)
def test_the_wall_clock_makes_a_renewal_due(seconds: float, reason: str | None) -> None:
    """A renewal is due from its time on, and as soon as the clock contradicts the record."""
    assert due(HELD, at(seconds), ORIGIN) == reason


@pytest.mark.parametrize(
    ("age", "is_due"),
    [(0.0, False), (6 * HOUR - 0.001, False), (6 * HOUR, True), (YEAR, True)],
)
@pytest.mark.parametrize("clock", [0.0, HOUR, 5.9 * HOUR])
def test_the_age_makes_a_renewal_due(clock: float, age: float, *, is_due: bool) -> None:
    """A renewal is due by its monotonic age, wherever the wall clock was moved meanwhile."""
    assert (due(HELD, at(clock), ORIGIN, age=age) is not None) is is_due


@pytest.mark.parametrize("now", [FIRST, NOON, LAST], ids=["first", "noon", "last"])
@pytest.mark.parametrize("received", [FIRST, NOON, LAST], ids=["first", "noon", "last"])
def test_the_ends_of_the_calendar_are_moments(now: datetime, received: datetime) -> None:
    """No clock and no record, however wrong, makes an error."""
    lease = replace(HELD, received=received)
    assert (due(lease, now, ORIGIN) is None) is (received <= now <= NOON)
    assert (due(failed(lease, received, 60), now, ORIGIN) is None) is (received == now != LAST)
    assert (lease.state(now) is State.DEAD) is (now == LAST)


@pytest.mark.parametrize("wait", [None, 60.0], ids=["fresh", "after a failure"])
@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (Origin("settings-2", "inputs-1"), "its settings changed"),
        (Origin("settings-1", "inputs-2"), "an input file changed"),
        (Origin("settings-2", "inputs-2"), "its settings changed"),
    ],
)
def test_a_change_makes_a_fetch_due_at_once(
    origin: Origin, reason: str, wait: float | None
) -> None:
    """Changed settings or input files are tried at once, also while a failure is waited out."""
    lease = HELD if wait is None else failed(HELD, NOON, wait)
    assert due(lease, at(1), origin) == reason


@pytest.mark.parametrize("held", [HELD, Lease(origin=ORIGIN)], ids=["renewal", "first fetch"])
@pytest.mark.parametrize(
    ("seconds", "is_due"),
    [(-YEAR, True), (-31, True), (-30, False), (0, False), (59.9, False), (60, True), (YEAR, True)],
)
def test_a_failure_is_waited_out(held: Lease, seconds: float, *, is_due: bool) -> None:
    """After a failure the next attempt keeps to its wait, unless the clock moved back."""
    reason = due(failed(held, NOON, 60), at(seconds), ORIGIN)
    assert reason == ("the last attempt failed" if is_due else None)


@pytest.mark.parametrize("wait", [932.0, YEAR, 1e18])
def test_a_wait_that_nobody_recorded_is_not_waited_out(wait: float) -> None:
    """A record with a longer wait than there is was made by another clock."""
    assert due(failed(HELD, NOON, wait), at(1), ORIGIN) == "the last attempt failed"


def test_the_longest_wait_is_waited_out() -> None:
    """The longest wait that is ever recorded holds to its end."""
    lease = failed(HELD, NOON, schedule.LONGEST_RETRY)
    assert due(lease, NOON, ORIGIN) is None
    assert due(lease, at(schedule.LONGEST_RETRY - 1), ORIGIN) is None


def test_a_credential_without_end_is_due_after_a_change_only() -> None:
    """What never ends is not fetched again without a reason."""
    lease = arrive(credential(NEVER))
    assert lease.renew_at is None
    assert due(lease, at(100 * YEAR), ORIGIN, age=100 * YEAR) is None
    assert due(lease, at(1), Origin("settings-1", "inputs-2")) == "an input file changed"


# --- state ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (-YEAR, State.FRESH),
        (0, State.FRESH),
        (LIFE - 36 * 60 - 1, State.FRESH),
        (LIFE - 36 * 60, State.URGENT),
        (LIFE - 0.001, State.URGENT),
        (LIFE, State.DEAD),
        (YEAR, State.DEAD),
    ],
)
def test_the_state_follows_what_is_left(seconds: float, state: State) -> None:
    """A credential is urgent past its margin, and dead at its end."""
    assert HELD.state(at(seconds)) is state
    assert HELD.alive(at(seconds)) is (state is not State.DEAD)
    assert HELD.remaining(at(seconds)) == pytest.approx(LIFE - seconds)


def test_nothing_obtained_is_pending() -> None:
    """Before the first credential there is nothing that could be presented as good."""
    assert Lease().state(NOON) is State.PENDING
    assert not Lease().alive(NOON)
    assert Lease().remaining(NOON) == 0
    assert Lease().life() is None


@pytest.mark.parametrize("expires", [NEVER, UNKNOWN])
def test_without_a_known_end_a_credential_stays_fresh(expires: Expiry) -> None:
    """Nobody can call a credential dead whose end nobody knows."""
    lease = arrive(credential(expires))
    assert lease.state(at(100 * YEAR)) is State.FRESH
    assert lease.alive(at(100 * YEAR))
    assert lease.life() is None


def test_the_next_look_is_at_the_renewal_or_after_the_wait() -> None:
    """A lease is looked at when it is renewed, or sooner when an attempt failed."""
    assert HELD.wake_at() == at(6 * HOUR)
    assert failed(HELD, NOON, 60).wake_at() == at(60)
    assert Lease().wake_at() is None


# --- arrival ------------------------------------------------------------------------


def test_an_arrival_is_recorded() -> None:
    """The lease says whose credential it is, when it arrived, and when it is renewed."""
    previous = failed(replace(HELD, fingerprint=b"other"), NOON, 60)
    assert arrive(credential(), previous=previous) == Lease(
        registries=("registry.example",),
        username="AWS",
        fingerprint=b"fingerprint",
        issued=NOON,
        received=NOON,
        expires=at(LIFE),
        renew_at=at(6 * HOUR),
        origin=ORIGIN,
    )


@pytest.mark.parametrize(("draw", "hours"), [(0.0, 5.4), (0.25, 5.7), (0.999999, 6.6)])
def test_the_renewal_is_drawn_once(draw: float, hours: float) -> None:
    """The drawn moment is recorded, so that no later look can move it."""
    renew_at = arrive(credential(), draw=draw).renew_at
    assert renew_at is not None
    assert schedule.seconds_between(NOON, renew_at) == pytest.approx(hours * HOUR, abs=1)


@pytest.mark.parametrize(
    ("life", "terms", "expires", "renewed"),
    [
        (LIFE, Terms(), at(LIFE), 6 * HOUR),
        (LIFE, Terms(interval=HOUR), at(LIFE), HOUR),
        (LIFE, Terms(interval=DAY), at(LIFE), 6 * HOUR),
        (LIFE, Terms(max_age=2 * HOUR), at(2 * HOUR), HOUR),
        (LIFE, Terms(max_age=DAY), at(LIFE), 6 * HOUR),
        (LIFE, Terms(interval=HOUR, max_age=0.5 * HOUR), at(0.5 * HOUR), 0.25 * HOUR),
        (900.0, Terms(interval=1200), at(900), 450),
        (UNKNOWN, Terms(), UNKNOWN, 0.5 * HOUR),
        (UNKNOWN, Terms(interval=60), UNKNOWN, 60),
        (UNKNOWN, Terms(interval=DAY), UNKNOWN, 0.5 * HOUR),
        (UNKNOWN, Terms(max_age=6 * HOUR), at(6 * HOUR), 3 * HOUR),
        (UNKNOWN, Terms(max_age=1e300), LAST.replace(microsecond=999_000), None),
        (NEVER, Terms(), NEVER, None),
        (NEVER, Terms(interval=HOUR), NEVER, HOUR),
        (NEVER, Terms(max_age=HOUR), at(HOUR), 0.5 * HOUR),
        (LAST, Terms(), UNKNOWN, 0.5 * HOUR),
        (101 * YEAR, Terms(), UNKNOWN, 0.5 * HOUR),
        (99 * YEAR, Terms(), at(99 * YEAR), 49.5 * YEAR),
        (LAST, Terms(max_age=DAY), at(DAY), 12 * HOUR),
    ],
    ids=str,
)
def test_terms_only_shorten(
    life: Expiry | float, terms: Terms, expires: Expiry, renewed: float | None
) -> None:
    """An interval and a longest age are upper bounds; the real end always wins."""
    lease = arrive(credential(life), terms=terms)
    assert lease.expires == expires
    if renewed is not None:
        assert lease.renew_at == at(renewed)
    elif expires is not NEVER:
        assert lease.renew_at is not None
        assert lease.renew_at > at(1000 * YEAR)


@pytest.mark.parametrize("left", [0.999, 0.0, -0.001, -1.0, -11 * YEAR])
def test_what_has_ended_is_refused(left: float) -> None:
    """A credential past its end, or about to be, is refused with both times in the message."""
    with pytest.raises(PermanentError, match="has ended already") as raised:
        arrive(credential(left))
    assert f"{at(left):%Y-%m-%d %H:%M:%S} UTC" in str(raised.value)
    assert "2026-03-01 12:00:00 UTC" in str(raised.value)
    assert raised.value.hint


def test_the_shortest_life_is_accepted() -> None:
    """A second is enough to use a credential, and its renewal comes before its end."""
    lease = arrive(credential(1.0))
    assert lease.renew_at == at(0.5)


# --- the issuer's clock ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (0, 0),
        (1, 0),
        (2, 2),
        (30, 30),
        (61_200, 61_200),
        (-30, 0),
        (-31, -31),
        (-YEAR, -YEAR),
    ],
)
def test_a_skew_is_measured_where_it_matters(ahead: float, expected: float) -> None:
    """An issuer that is ahead takes life away; one a little behind was just slow to answer."""
    assert skew(credential(answered_at=at(ahead)), NOON) == expected


def test_without_a_date_there_is_no_skew() -> None:
    """Where the answer does not tell the issuer's time, the two clocks count as one."""
    assert skew(credential(), at(YEAR)) == 0


@pytest.mark.parametrize("ahead", [-YEAR, -17 * HOUR, -31.0, 31.0, 17 * HOUR, YEAR])
def test_a_wrong_local_clock_does_not_shorten_a_life(ahead: float) -> None:
    """The end is taken to the local clock, so a wrong one neither refuses nor overstays."""
    offered = credential(ahead + LIFE, answered_at=at(ahead))
    lease = arrive(offered)
    assert lease.expires == at(LIFE)
    assert lease.renew_at == at(6 * HOUR)


@pytest.mark.parametrize("ahead", [-YEAR, 0.0, YEAR])
def test_what_ended_by_the_issuers_clock_is_refused(ahead: float) -> None:
    """No skew revives a credential that its own issuer calls ended."""
    with pytest.raises(PermanentError, match="has ended already"):
        arrive(credential(ahead - 60, answered_at=at(ahead)))


@pytest.mark.parametrize("answered", [FIRST, at(YEAR)], ids=["clamped", "moved"])
def test_a_corrected_end_stays_in_the_calendar(answered: datetime) -> None:
    """A correction beyond the calendar is no crash: such an end is none."""
    assert arrive(credential(LAST, answered_at=answered)).expires is UNKNOWN


def test_a_corrected_end_before_the_calendar_is_refused() -> None:
    """A credential of the year 1 by a clock of the year 9999 has ended."""
    with pytest.raises(PermanentError, match="has ended already"):
        arrive(credential(FIRST, answered_at=LAST))


def test_the_same_credential_without_an_end_keeps_the_one_that_is_known() -> None:
    """What was known of it is still true; another credential has no part in that."""
    previous = arrive(credential(LIFE))
    again = arrive(credential(UNKNOWN), previous=previous)
    assert again.expires == at(LIFE)
    other = replace(previous, fingerprint=b"other")
    assert arrive(credential(UNKNOWN), previous=other).expires is UNKNOWN


# --- the same credential again ----------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "wait"),
    [(6 * HOUR, HOUR), (10 * HOUR, 0.5 * HOUR), (LIFE - 120, 30), (LIFE - 30, 15), (LIFE - 2, 15)],
)
def test_the_same_credential_is_asked_for_again(elapsed: float, wait: float) -> None:
    """The same answer is no new life: the lease keeps its receipt, and asks again soon."""
    again = arrive(credential(), at(elapsed), HELD)
    assert again == replace(HELD, renew_at=at(elapsed + wait))
    assert again.life() == LIFE


def test_the_interval_bounds_the_wait_for_a_change_too() -> None:
    """The longest time between two renewals holds for unchanged credentials, too."""
    again = arrive(credential(), at(6 * HOUR), HELD, terms=Terms(interval=60))
    assert again.renew_at == at(6 * HOUR + 60)


def test_the_same_credential_ends_a_failure() -> None:
    """An answer is an answer: the failure before it is over."""
    assert arrive(credential(), at(6 * HOUR), failed(HELD, at(6 * HOUR), 60)).failure is None


@pytest.mark.parametrize("moved", [-YEAR, -DAY, -6 * HOUR, -4 * HOUR, -60.0, 0.0, HOUR])
def test_a_moved_clock_does_not_make_a_busy_loop(moved: float) -> None:
    """After the same answer nothing is due until the wait is over, wherever the clock went."""
    age = 6 * HOUR
    now = at(age + moved)
    again = arrive(credential(), now, HELD, age=age)
    assert due(again, schedule.after(now, 14), ORIGIN, age=age + 14) is None
    assert due(again, schedule.after(now, HOUR), ORIGIN) is not None
    assert due(again, schedule.after(now, 14), ORIGIN, age=age + HOUR) is not None


@pytest.mark.parametrize("received", [at(YEAR), at(DAY), None])
def test_a_receipt_from_the_future_is_mended(received: datetime | None) -> None:
    """Where the age is not known either, a receipt that can't be counts from the answer."""
    again = arrive(credential(), NOON, replace(HELD, received=received))
    assert again.received == NOON
    assert due(again, at(1), ORIGIN) is None


@pytest.mark.parametrize(
    ("life", "later", "same"),
    [
        (LIFE, 0.0, True),
        (LIFE, 30.0, True),
        (LIFE, 31.0, False),
        (LIFE, -HOUR, True),
        (60.0, 3.0, True),
        (60.0, 4.0, False),
        (2.0, 1.0, True),
        (2.0, 1.1, False),
    ],
)
def test_the_same_secret_with_no_later_end_is_the_same(
    life: float, later: float, *, same: bool
) -> None:
    """An end may differ by what a `Date` header leaves open; a later one is a new life."""
    old = arrive(credential(life))
    new = replace(old, expires=at(life + later))
    assert same_credential(new, old) is same


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (HELD, Lease()),
        (HELD, replace(HELD, fingerprint=b"other")),
        (HELD, replace(HELD, expires=UNKNOWN)),
        (HELD, replace(HELD, expires=NEVER)),
        (replace(HELD, expires=NEVER), HELD),
        (replace(HELD, expires=NEVER), replace(HELD, expires=NEVER)),
        (replace(HELD, expires=UNKNOWN), replace(HELD, expires=UNKNOWN)),
    ],
)
def test_without_two_ends_nothing_is_the_same(new: Lease, old: Lease) -> None:
    """Another secret, or an end that is no time, makes an arrival like any other."""
    assert not same_credential(new, old)


def test_a_receipt_without_end_does_not_matter_for_the_comparison() -> None:
    """A record without receipt is compared by its end."""
    assert same_credential(HELD, replace(HELD, received=None))


def test_a_password_that_is_read_again_lives_again() -> None:
    """With a longest age, an unchanged password counts from the moment it was read last."""
    terms = Terms(max_age=HOUR)
    first = arrive(credential(UNKNOWN), terms=terms)
    again = arrive(credential(UNKNOWN), at(0.5 * HOUR), first, terms=terms)
    assert again.received == at(0.5 * HOUR)
    assert again.expires == at(1.5 * HOUR)


# --- all together ---------------------------------------------------------------------------

JUMPS = st.floats(min_value=-2 * YEAR, max_value=2 * YEAR)


@given(
    st.floats(min_value=1, max_value=10 * YEAR),
    st.floats(min_value=0, max_value=1, exclude_max=True),
    st.floats(min_value=0, max_value=10 * YEAR),
    JUMPS,
)
@settings(deadline=None)
def test_no_jump_of_the_clock_lets_a_credential_die_unnoticed(
    life: float, draw: float, age: float, jump: float
) -> None:
    """Past the true renewal time a fetch is due, wherever the wall clock was moved."""
    lease = arrive(credential(life), draw=draw)
    reason = due(lease, at(age + jump), ORIGIN, age=age)
    if age >= schedule.renew_after(life, draw):
        assert reason


@given(
    st.floats(min_value=60, max_value=YEAR),
    st.lists(st.tuples(st.floats(min_value=0, max_value=YEAR), JUMPS), max_size=6),
)
@settings(deadline=None)
def test_the_same_answer_is_never_due_at_once(
    life: float, steps: list[tuple[float, float]]
) -> None:
    """However often the same answer comes, and the clock moves, each is followed by a pause."""
    lease, age, offset = arrive(credential(life)), 0.0, 0.0
    for elapsed, jump in steps:
        age, offset = age + elapsed, offset + jump
        now = at(age + offset)
        try:
            lease = arrive(credential(life), now, lease, age=age)
        except PermanentError:
            return
        if not same_credential(lease, arrive(credential(life))):
            return
        pause = min(schedule.SHORTEST_LIFE, lease.remaining(now)) / 2
        assert due(lease, schedule.after(now, pause / 2), ORIGIN, age=age + pause / 2) is None


# --- a wall clock that moves ------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "age", "moved"),
    [
        (HOUR, HOUR, 0),
        (HOUR - 4, HOUR, 0),
        (HOUR + YEAR, HOUR, 0),
        (HOUR - 7200, HOUR, -7200),
        (HOUR - YEAR, HOUR, -YEAR),
    ],
    ids=["steady", "drift", "forward", "back", "a year back"],
)
def test_a_clock_that_went_back_takes_the_lease_along(
    wall: float, age: float, moved: float
) -> None:
    """What is left is what the age says; after a jump forward the earlier end is believed."""
    lease = arrive(credential(LIFE))
    anew = told_anew(lease, at(wall), age)
    assert anew.remaining(at(wall)) == LIFE - wall + moved
    assert (anew.received, anew.renew_at) == (at(moved), at(6 * HOUR + moved))


def test_a_lease_without_an_end_is_told_anew_all_the_same() -> None:
    """Its receipt moves, and there is no end to move."""
    lease = arrive(credential(NEVER))
    anew = told_anew(lease, at(-YEAR), HOUR)
    assert (anew.received, anew.expires, anew.renew_at) == (at(-YEAR - HOUR), NEVER, None)
    assert told_anew(Lease(), NOON, HOUR) == Lease()
