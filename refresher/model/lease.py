"""A lease: what is recorded of the credential in use, and what follows from it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from refresher.errors import PermanentError
from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Credential, Expiry

_SAME_END: Final = (1.0, schedule.SKEW_LIMIT)
"""The least and the most seconds by which two ends of one credential may differ."""


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
        soon = schedule.soon(now)
        longest = schedule.after(soon, schedule.LONGEST_RETRY)
        return self.at <= soon and now < self.retry_at <= longest


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

    def wake_at(self) -> datetime | None:
        """Return when to look at this lease again, None if only a change makes it due."""
        return self.failure.retry_at if self.failure else self.renew_at


def due(lease: Lease, now: datetime, origin: Origin, *, age: float | None = None) -> str | None:
    """Return the reason why a fetch is due, None if it is not.

    `origin` is what a fetch would be made from now; the lease keeps that of the
    last attempt, so a change is due once, whatever comes of it.

    `age` is the time since the credential arrived by the monotonic clock, where
    this process saw it arrive. Wall clock or monotonic age: whichever says due
    first is believed, so a moved clock or a suspended host can only make a
    renewal early.
    """
    if lease == Lease():
        return "there is no credential yet"
    if lease.origin.settings != origin.settings:
        return "its settings changed"
    if lease.origin.inputs != origin.inputs:
        return "an input file changed"
    if lease.failure:
        return None if lease.failure.holds(now) else "the last attempt failed"
    return _renewal_reason(lease, now, age)


def _renewal_reason(lease: Lease, now: datetime, age: float | None) -> str | None:
    if lease.fingerprint is None or lease.received is None:
        return "there is no credential yet"
    if lease.received > schedule.soon(now):
        return "it was received in the future: the clock moved back"
    if not lease.alive(now):
        return "it has ended"
    if lease.renew_at is None:
        return None
    if now >= lease.renew_at:
        return "its renewal time has come"
    old = age is not None and age >= schedule.seconds_between(lease.received, lease.renew_at)
    return "its age says so, whatever the clock" if old else None


def skew(credential: Credential, received: datetime) -> float:
    """Return the issuer's clock minus ours in seconds, 0 where it is unknown or small."""
    if credential.answered_at is None:
        return 0.0
    difference = schedule.seconds_between(received, credential.answered_at)
    return difference if abs(difference) > schedule.SKEW_LIMIT else 0.0


def accept(
    credential: Credential,
    fingerprint: bytes,
    *,
    received: datetime,
    terms: Terms,
    draw: float,
    previous: Lease,
    age: float | None = None,
) -> Lease:
    """Return the lease of a credential that has just arrived.

    `draw` is a random number in [0, 1), `age` as for `due`, of the previous lease.

    Raises `PermanentError` for one that is past its end, or about to be: it is
    refused, and what is in use stays. The same credential again is no failure:
    its lease says to ask again soon, in a rhythm that the time left sets.
    """
    lease = Lease(
        registries=credential.registries,
        username=credential.username,
        fingerprint=fingerprint,
        issued=credential.issued_at,
        received=received,
        expires=_local_end(credential, received, terms),
    )
    if lease.remaining(received) < schedule.SHORTEST_LIFE:
        raise PermanentError(
            f"the credential that was offered for {credential.registries[0]} has ended already, "
            f"or is about to: its end is {_shown(lease.expires)}, and here it is "
            f"{_shown(received)}",
            hint="what is in use stays; compare the clocks of this host and of the issuer",
        )
    if same_credential(lease, previous):
        wait = schedule.ask_again_after(lease.remaining(received))
        wait = wait if terms.interval is None else min(wait, terms.interval)
        first = _first_received(previous, received, age)
        return replace(lease, received=first, renew_at=schedule.after(received, wait))
    return replace(lease, renew_at=_renew_at(lease, received, terms, draw))


def same_credential(new: Lease, old: Lease) -> bool:
    """Tell whether the provider answered with what is in use: the same secret, no later end.

    An end that a measured skew corrected is inexact: a `Date` header has whole
    seconds, and the answer took its time. A later end than that is a new life,
    as of a password that is vouched for again.
    """
    if new.fingerprint != old.fingerprint:
        return False
    if not (isinstance(new.expires, datetime) and isinstance(old.expires, datetime)):
        return False
    least, most = _SAME_END
    inexact = min(max((old.life() or 0.0) / 20, least), most)
    return schedule.seconds_between(old.expires, new.expires) <= inexact


def _first_received(previous: Lease, received: datetime, age: float | None) -> datetime:
    # By the wall clock as it goes now: it may have moved since, and a receipt
    # from the future, or one that contradicts the age, would be due for ever.
    if age is not None:
        return schedule.after(received, -age)
    return min(previous.received or received, received)


def _local_end(credential: Credential, received: datetime, terms: Terms) -> Expiry:
    end = credential.expires_at
    ahead = skew(credential, received)
    if isinstance(end, datetime) and ahead:
        end = schedule.after(end, -ahead)
    if terms.max_age is None:
        return end
    oldest = schedule.after(received, terms.max_age)
    return min(end, oldest) if isinstance(end, datetime) else oldest


def _renew_at(lease: Lease, received: datetime, terms: Terms, draw: float) -> datetime | None:
    waits = [] if terms.interval is None else [terms.interval]
    life = lease.life()
    if life is not None:
        waits.append(schedule.renew_after(life, draw))
    elif lease.expires is UNKNOWN:
        waits.append(schedule.renew_after(schedule.UNKNOWN_LIFE, draw))
    return schedule.after(received, min(waits)) if waits else None


def _shown(moment: Expiry) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
