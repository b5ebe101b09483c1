"""What to record of one registry at one target after a pass."""

from dataclasses import replace
from datetime import datetime

from refresher.engine.report import Step
from refresher.model import schedule
from refresher.model.lease import Failure, Lease
from refresher.model.plan import Delivery, Keep, Skip
from refresher.ports import Busy, Refused, Written


def book(step: Step, before: Delivery, lease: Lease, now: datetime, draw: float) -> Delivery:
    """Return the record that follows `before`; an equal one needs no write.

    A failed write leaves what was recorded of the last good one: it tells what
    the place still holds, and how soon to try again. `draw` is a random number in
    [0, 1), one for all places of a sink: each with its own would wake the sink for
    the earliest again and again.
    """
    match step.outcome, step.action:
        case Written(), _:
            return Delivery(lease.fingerprint, now, lease.expires)
        case Busy(reason, asked), _:
            return _failed(before, reason, now, draw, asked=asked)
        case (Refused(reason), _) | (_, Skip(reason)):
            return _failed(before, reason, now, draw, permanent=True)
        case _, Keep(""):
            held_since = before.written if before.fingerprint == lease.fingerprint else None
            return Delivery(lease.fingerprint, held_since or now, lease.expires)
        case _, Keep(_):
            return replace(before, failure=None)
        case _:
            return before


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
