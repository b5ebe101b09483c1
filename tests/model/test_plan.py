"""The plan for one registry at one target: the whole table."""

from datetime import UTC, datetime, timedelta

import pytest

from refresher.model.credential import NEVER, UNKNOWN, Expiry, Secret
from refresher.model.lease import Failure, Lease
from refresher.model.plan import (
    Absent,
    Action,
    Create,
    Delivery,
    Foreign,
    Holding,
    Keep,
    Opaque,
    Skip,
    Update,
    Value,
    Wait,
    decide,
    or_wait,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fingerprint(username: str, secret: Secret) -> bytes:
    """Return what stands for a user name and a secret here."""
    return f"{username}:{secret.reveal()}".encode()


OURS, OLD = b"AWS:ours", b"AWS:old"
WANTED = Lease(username="AWS", fingerprint=OURS, expires=NOON + 6 * HOUR)
NOTHING = Delivery()


@pytest.mark.parametrize(
    ("held", "delivery", "action"),
    [
        (Absent(), NOTHING, Create()),
        (Absent(), Delivery(OURS), Create()),
        (Value("AWS", Secret("ours")), NOTHING, Keep()),
        (Value("AWS", Secret("ours"), "a@b.example"), Delivery(OLD), Keep()),
        (Value("AWS", Secret("other")), NOTHING, Update()),
        (Value("AWS", Secret("other")), Delivery(OURS), Update()),
        (Value("other", Secret("ours")), Delivery(OURS), Update()),
        (Value("AWS", Secret("old")), Delivery(OLD), Update()),
        (Opaque(), NOTHING, Update()),
        (Opaque(), Delivery(OLD), Update()),
        (Opaque(), Delivery(OURS), Keep()),
        (Opaque("AWS"), Delivery(OURS), Keep()),
        (Opaque("other"), Delivery(OURS), Update()),
        (Foreign("a credential helper answers"), NOTHING, Skip("a credential helper answers")),
        (Foreign("not ours"), Delivery(OURS), Skip("not ours")),
    ],
    ids=repr,
)
def test_the_table(held: Holding, delivery: Delivery, action: Action) -> None:
    """What is held and what is recorded decide, and nothing else."""
    assert decide(held, WANTED, delivery, NOON, fingerprint) == action


@pytest.mark.parametrize("held", [Opaque(), Value("AWS", Secret("other"))], ids=repr)
def test_nothing_wanted_is_not_what_is_recorded(held: Holding) -> None:
    """Two records that are both empty do not vouch for an entry."""
    assert decide(held, Lease(), NOTHING, NOON, fingerprint) == Update()


@pytest.mark.parametrize(
    ("there", "wanted", "kept"),
    [
        (NOON + 7 * HOUR, NOON + 6 * HOUR, True),
        (NOON + 6 * HOUR, NOON + 6 * HOUR, False),
        (NOON + 5 * HOUR, NOON + 6 * HOUR, False),
        (NOON, NOON - HOUR, False),
        (NOON - HOUR, NOON - 2 * HOUR, False),
        (NEVER, NOON + HOUR, False),
        (UNKNOWN, NOON + HOUR, False),
        (NOON + HOUR, NEVER, False),
        (NOON + HOUR, UNKNOWN, False),
    ],
)
def test_a_live_entry_is_not_replaced_by_one_that_ends_sooner(
    there: Expiry, wanted: Expiry, *, kept: bool
) -> None:
    """Only an end that is known, later and to come protects what we wrote before."""
    held = Value("AWS", Secret("old"))
    lease = Lease(username="AWS", fingerprint=OURS, expires=wanted)
    action = decide(held, lease, Delivery(OLD, NOON - HOUR, there), NOON, fingerprint)
    assert action == (Keep("what is there ends later") if kept else Update())


@pytest.mark.parametrize("written", [None, NOON + HOUR, NOON + 24 * 365 * HOUR], ids=str)
def test_an_end_that_another_clock_recorded_protects_nothing(written: datetime | None) -> None:
    """A clock that ran ahead recorded ends that are worth nothing once it is set right."""
    held = Value("AWS", Secret("old"))
    lease = Lease(username="AWS", fingerprint=OURS, expires=NOON + HOUR)
    delivery = Delivery(OLD, written, NOON + 24 * HOUR)
    assert decide(held, lease, delivery, NOON, fingerprint) == Update()


def test_a_strangers_entry_is_not_protected_by_our_record() -> None:
    """The recorded end belongs to what we wrote, not to what somebody else put there."""
    held = Value("AWS", Secret("a stranger's"))
    delivery = Delivery(OLD, expires=NOON + 9 * HOUR)
    assert decide(held, WANTED, delivery, NOON, fingerprint) == Update()


FAILED = Delivery(failure=Failure("disk full", NOON, 1, NOON + timedelta(minutes=5)))


@pytest.mark.parametrize("action", [Create(), Update()], ids=repr)
@pytest.mark.parametrize(
    ("now", "waits"),
    [
        (NOON - HOUR, False),
        (NOON, True),
        (NOON + timedelta(minutes=4), True),
        (NOON + timedelta(minutes=5), False),
    ],
    ids=["clock moved back", "at once", "during the wait", "after the wait"],
)
def test_a_write_waits_after_a_failure(action: Action, now: datetime, *, waits: bool) -> None:
    """A write that failed is tried again after its wait, and says so until then."""
    expected = Wait("disk full (next attempt 12:05:00 UTC)") if waits else action
    assert or_wait(action, FAILED, now) == expected


@pytest.mark.parametrize("action", [Keep(), Skip("not ours")], ids=repr)
def test_what_writes_nothing_does_not_wait(action: Action) -> None:
    """A failed write holds up no entry that is in order by now."""
    assert or_wait(action, FAILED, NOON) == action


def test_without_a_failure_nothing_waits() -> None:
    """The first write is made at once."""
    assert or_wait(Create(), NOTHING, NOON) == Create()
