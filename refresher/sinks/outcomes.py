"""What errors mean for a target, and several outcomes for one."""

from collections.abc import Iterable
from dataclasses import replace

from refresher.errors import RefresherError, RetryableError
from refresher.ports import Busy, Outcome, Refused, Written


def not_done(error: RefresherError) -> Busy | Refused:
    """Return what a fault means for a target."""
    reason = f"{error}: {error.hint}" if error.hint else str(error)
    if isinstance(error, RetryableError):
        return Busy(reason, error.retry_after)
    return Refused(reason)


def told_of(label: str, outcome: Busy | Refused) -> Busy | Refused:
    """Return an outcome whose reason says which part of a sink it is about."""
    if label in outcome.reason:
        return outcome
    return replace(outcome, reason=f"{label}: {outcome.reason}")


def together(label: str, outcomes: Iterable[Outcome | None]) -> Outcome:
    """Return what several outcomes are for their target: written only if all are.

    What time may heal comes first: then all is tried again.
    """
    each = list(outcomes)
    busy = [one for one in each if isinstance(one, Busy)]
    failed = [one for one in each if isinstance(one, (Busy, Refused))]
    if failed:
        reasons = "; ".join(dict.fromkeys(one.reason for one in failed))
        waits = [one.retry_after for one in busy if one.retry_after is not None]
        made = Busy(reasons, max(waits, default=None)) if busy else Refused(reasons)
        return told_of(label, made)
    notes = [note for one in each if isinstance(one, Written) for note in one.notes]
    return Written(tuple(f"{label}: {note}" for note in notes))
