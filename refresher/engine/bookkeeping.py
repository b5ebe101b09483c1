"""What to record of one registry at one target after a pass."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from refresher.engine.report import Step
from refresher.model import schedule
from refresher.model.credential import NEVER, UNKNOWN, Expiry
from refresher.model.lease import Failure, Lease
from refresher.model.plan import Delivery, Keep, Skip
from refresher.ports import Busy, Place, Refused, Written

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def book(step: Step, before: Delivery, lease: Lease, now: datetime, draw: float) -> Delivery:
    """Return the record that follows `before`; an equal one needs no write.

    A failed write leaves what was recorded of the last good one: it tells what
    the place still holds, and how soon to try again. `draw` is a random number in
    [0, 1), one for all places of a sink: each with its own would wake the sink for
    the earliest again and again.
    """
    match step.outcome, step.action:
        case Written(), _:
            after = before.repaired_at(now) if step.drift else before
            return replace(
                after,
                fingerprint=lease.fingerprint,
                written=now,
                expires=lease.expires,
                failure=None,
            )
        case Busy(reason, asked), _:
            return _failed(before, reason, now, draw, asked=asked)
        case (Refused(reason), _) | (_, Skip(reason)):
            return _failed(before, reason, now, draw, permanent=True)
        case _, Keep(""):
            return _kept(before, lease, now)
        case _, Keep(_):
            return replace(before, failure=None)
        case _:
            return before


def _kept(before: Delivery, lease: Lease, now: datetime) -> Delivery:
    # An end that is new counts from now on: an old moment would vouch for its clock.
    known = (before.fingerprint, before.expires) == (lease.fingerprint, lease.expires)
    if known and before.written:
        return replace(before, failure=None) if before.failure else before
    return replace(
        before,
        fingerprint=lease.fingerprint,
        written=now,
        expires=lease.expires,
        failure=None,
    )


def discredited(known: Mapping[Place, Delivery], lease: Lease) -> dict[Place, Delivery]:
    """Return the records of places that hold a credential which their registry refuses.

    It may end later than the next one, and is worth nothing all the same.
    """
    return {
        place: replace(each, expires=UNKNOWN)
        for place, each in known.items()
        if each.fingerprint == lease.fingerprint and place[2] in lease.refused
    }


def distrusted(before: Delivery, now: datetime) -> Delivery:
    """Return the record of a place that holds nobody knows what, to be looked at anew."""
    late = Failure("a write that nobody waited for any more came to its end", now, 1, now)
    return replace(before, fingerprint=None, written=None, expires=UNKNOWN, failure=late)


def rank(known: Collection[Delivery]) -> tuple[bool, datetime]:
    """Return where a target stands among others by what is recorded of it: the least is first.

    That is what holds nothing or ends first; last comes what failed before, for it
    may take long again.
    """
    failing = any(each.failure for each in known)
    return failing, min((_end(each.expires) for each in known), default=_FIRST)


def _end(expires: Expiry) -> datetime:
    if isinstance(expires, datetime):
        return expires
    return _LAST if expires is NEVER else _FIRST


def _failed(
    before: Delivery,
    reason: str,
    now: datetime,
    draw: float,
    *,
    permanent: bool = False,
    asked: float | None = None,
) -> Delivery:
    attempts = (before.failure.attempts if before.failure else 0) + 1
    end = before.expires
    remaining = schedule.seconds_between(now, end) if isinstance(end, datetime) else 0.0
    wait = schedule.retry_after(attempts, remaining, draw, permanent=permanent, asked=asked)
    return replace(before, failure=Failure(reason, now, attempts, schedule.after(now, wait)))
