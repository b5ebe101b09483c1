"""What to do about one registry at one target: wanted and held side by side.

| held there | wanted | action |
|---|---|---|
| `Absent` | | `Create` |
| `Value`, the same | | `Keep` |
| `Value`, known to end later than ours and alive | | `Keep` |
| `Value`, any other | | `Update` |
| `Opaque`, the record says we wrote it, under this user name | | `Keep` |
| `Opaque`, any other | | `Update` |
| `Foreign` | | `Skip`, with its reason |

The plan is made from fingerprints, so it needs no secret: one is obtained only
when a plan holds a write.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Expiry, Secret
from refresher.model.lease import Failure, Lease

_FIGHT: Final = 3
_FIGHT_SECONDS: Final = 660.0  # the third look in ten minutes comes a little later than that


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing is held for the registry."""


@dataclass(frozen=True, slots=True)
class Value:
    """A user name and a secret are held, and can be read back."""

    username: str
    secret: Secret
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something is held that cannot be read back (Rancher shows no secret)."""

    username: str = ""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What is held, or what shadows it, is not ours to change; `reason` says why and what to do."""

    reason: str


Holding = Absent | Value | Opaque | Foreign

Fingerprint = Callable[[str, Secret], bytes]
"""Makes the fingerprint of a user name and a secret."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is recorded of one credential at one registry of one target.

    `repairs` counts how often drift was repaired there, `repaired` are the last
    few moments of that.
    """

    fingerprint: bytes | None = None
    written: datetime | None = None
    expires: Expiry = UNKNOWN
    failure: Failure | None = None
    repairs: int = 0
    repaired: tuple[datetime, ...] = ()

    def told_anew(self, back: float) -> "Delivery":
        """Return it by a wall clock that went `back` seconds back since.

        When it was written is forgotten: an end of which one clock says this and
        one that protects nothing from a later credential.
        """
        expires, failure = self.expires, self.failure
        return replace(
            self,
            written=None,
            expires=schedule.after(expires, -back) if isinstance(expires, datetime) else expires,
            failure=failure and failure.told_anew(back),
        )

    def repaired_at(self, now: datetime) -> "Delivery":
        """Return this record with one repair more."""
        last = (*self.repaired, now)[-_FIGHT:]
        return replace(self, repairs=self.repairs + 1, repaired=last)

    def fought_over(self, now: datetime) -> bool:
        """Tell whether something else keeps changing the place: three repairs in ten minutes."""
        if len(self.repaired) < _FIGHT:
            return False
        return 0 <= schedule.seconds_between(self.repaired[0], now) <= _FIGHT_SECONDS


@dataclass(frozen=True, slots=True)
class Create:
    """Write an entry where there is none."""


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the entry that is there."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the entry alone: it is what is wanted, or better (`reason` says how)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave the entry alone although it is not what is wanted; `reason` says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Leave the entry alone for now: a write failed; `reason` says why, and until when."""

    reason: str


Action = Create | Update | Keep | Skip | Wait


def decide(
    held: Holding, wanted: Lease, delivery: Delivery, now: datetime, fingerprint: Fingerprint
) -> Action:
    """Return the action for one registry; the table above is the whole rule."""
    match held:
        case Absent():
            return Create()
        case Foreign(reason):
            return Skip(reason)
        case Opaque(username):
            known = delivery.fingerprint is not None and username in ("", wanted.username)
            return Keep() if known and delivery.fingerprint == wanted.fingerprint else Update()
        case Value(username, secret):
            there = fingerprint(username, secret)
            if there == wanted.fingerprint:
                return Keep()
            if there == delivery.fingerprint and _outlives(delivery, wanted, now):
                return Keep("what is there ends later")
            return Update()


def or_wait(action: Action, delivery: Delivery, now: datetime) -> Action:
    """Return `action`, or `Wait` if it would write before the recorded wait is over."""
    failure = delivery.failure
    if failure is None or not isinstance(action, (Create, Update)):
        return action
    if failure.holds(now):
        return Wait(f"{failure.message} (next attempt {failure.retry_at:%H:%M:%S} UTC)")
    return action


def _outlives(delivery: Delivery, wanted: Lease, now: datetime) -> bool:
    there, ours = delivery.expires, wanted.expires
    if not (isinstance(there, datetime) and isinstance(ours, datetime)):
        return False
    # An end that was recorded under a clock that ran ahead is worth nothing.
    believed = delivery.written is not None and not schedule.is_ahead(delivery.written, now)
    return believed and there > ours and there > now
