"""A lease: what is recorded of the credential in use, and what follows from it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Expiry


class State(StrEnum):
    """How a provider's credential stands."""

    PENDING = "pending"
    """Nothing was obtained yet."""
    FRESH = "fresh"
    URGENT = "urgent"
    """Past the margin: it should have been renewed long ago."""
    DEAD = "dead"
    """Past its end."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of a provider's times, in seconds. The real expiry always wins.

    `interval` is the longest time between two renewals, `max_age` the longest
    time after its receipt that a credential counts as good. One that a provider
    answers with again, and vouches for by that, counts as received again.
    """

    interval: float | None = None
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a credential came from: the provider's settings and its input files, as digests."""

    settings: str = ""
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The last thing that went wrong, how often in a row, and when it is tried again."""

    message: str
    at: datetime
    attempts: int
    retry_at: datetime

    def holds(self, now: datetime) -> bool:
        """Tell whether the next attempt still has to wait.

        A record from the future, or with a longer wait than any, is the work of
        another clock: it holds nobody.
        """
        wait = schedule.seconds_between(now, self.retry_at)
        longest = schedule.LONGEST_RETRY + schedule.SKEW_LIMIT
        return 0 < wait <= longest and not schedule.is_ahead(self.at, now)

    def told_anew(self, back: float) -> "Failure":
        """Return it by a wall clock that went `back` seconds back since."""
        at, retry_at = schedule.after(self.at, -back), schedule.after(self.retry_at, -back)
        return replace(self, at=at, retry_at=retry_at)


@dataclass(frozen=True, slots=True)
class Objection:
    """What a registry has against the credential in use, as it said when it was last asked.

    It does not take the credential, or (without `refused`) takes it and gives it
    no right to pull: then a new one would fare no better.
    """

    registry: str
    reason: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class Lease:
    """What is recorded of a provider's credential. Never the secret itself.

    `received` and `expires` are by the local clock (a measured skew is taken
    off). `renew_at` is drawn once, when the credential arrives; None means that
    only a change makes it due. `fingerprint` is None until a first credential
    was obtained.
    """

    registries: tuple[str, ...] = ()
    username: str = ""
    fingerprint: bytes | None = None
    issued: datetime | None = None
    received: datetime | None = None
    expires: Expiry = UNKNOWN
    renew_at: datetime | None = None
    origin: Origin = Origin()
    failure: Failure | None = None
    objections: tuple[Objection, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """The registries that do not take the credential."""
        return tuple(each.registry for each in self.objections if each.refused)

    def life(self) -> float | None:
        """Return the seconds from receipt to end, None if there is no known end."""
        if self.received is None or not isinstance(self.expires, datetime):
            return None
        return schedule.seconds_between(self.received, self.expires)

    def remaining(self, now: datetime) -> float:
        """Return the seconds that are left: 0 or less when dead or when there is nothing."""
        if self.fingerprint is None:
            return 0.0
        if not isinstance(self.expires, datetime):
            return schedule.UNKNOWN_LIFE
        return schedule.seconds_between(now, self.expires)

    def alive(self, now: datetime) -> bool:
        """Tell whether the credential can still be presented as good."""
        return self.remaining(now) > 0

    def state(self, now: datetime) -> State:
        """Return how the credential stands at `now`."""
        if self.fingerprint is None:
            return State.PENDING
        life = self.life()
        if life is None:
            return State.FRESH
        remaining = self.remaining(now)
        if remaining <= 0:
            return State.DEAD
        return State.URGENT if remaining <= schedule.margin(life) else State.FRESH

    def held_up(self, now: datetime) -> bool:
        """Tell whether a failure says to wait before the next attempt."""
        return self.failure is not None and self.failure.holds(now)

    def wake_at(self) -> datetime | None:
        """Return when to look at this lease again, None if only a change makes it due."""
        return self.failure.retry_at if self.failure else self.renew_at


_NOTHING: Final = Lease()


def due(lease: Lease, now: datetime, origin: Origin, *, age: float | None = None) -> str | None:
    """Return the reason why a fetch is due, None if it is not.

    `origin` is what a fetch would be made from now; the lease keeps that of the
    last attempt, so a change is due once, whatever comes of it.

    `age` is the time since the credential arrived by the monotonic clock, where
    this process saw it arrive. Wall clock or monotonic age: whichever says due
    first is believed, so a moved clock or a suspended host can only make a
    renewal early.
    """
    if lease == _NOTHING:
        return "there is no credential yet"
    if lease.origin.settings != origin.settings:
        return "its settings changed"
    if lease.origin.inputs != origin.inputs:
        return "an input file changed"
    if lease.failure:
        return None if lease.failure.holds(now) else "the last attempt failed"
    return _renewal_reason(lease, now, age)


def told_anew(lease: Lease, now: datetime, age: float) -> Lease:
    """Return the lease by the wall clock as it goes now, if that went back since the receipt.

    `age` is as for `due`. A clock that went forward changes nothing: the earlier
    end is believed.
    """
    if lease.received is None:
        return lease
    back = age - schedule.seconds_between(lease.received, now)
    if back <= schedule.JUMP:
        return lease
    expires, renew_at, failure = lease.expires, lease.renew_at, lease.failure
    return replace(
        lease,
        received=schedule.after(lease.received, -back),
        expires=schedule.after(expires, -back) if isinstance(expires, datetime) else expires,
        renew_at=renew_at and schedule.after(renew_at, -back),
        failure=failure and failure.told_anew(back),
    )


def withholds(lease: Lease, new: Lease, now: datetime) -> bool:
    """Tell whether a new credential is held back because of what registries say to it.

    It is, while the one of `lease` is another and does what it should: it is not
    urgent yet, and a registry that refuses the new one takes it. Later a doubtful
    credential is better than a dead one.
    """
    if new.fingerprint == lease.fingerprint:
        return False
    return bool(set(new.refused) - set(lease.refused)) and lease.state(now) is State.FRESH


def _renewal_reason(lease: Lease, now: datetime, age: float | None) -> str | None:
    if lease.fingerprint is None or lease.received is None:
        return "there is no credential yet"
    if schedule.is_ahead(lease.received, now):
        return "it was received in the future: the clock moved back"
    if not lease.alive(now):
        return "it has ended"
    if lease.renew_at is None:
        return None
    if now >= lease.renew_at:
        return "its renewal time has come"
    old = age is not None and age >= schedule.seconds_between(lease.received, lease.renew_at)
    return "its age says so, whatever the clock" if old else None
