"""What becomes of a credential that has just arrived: a lease, or a refusal."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from refresher.errors import PermanentError
from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Credential, Expiry
from refresher.model.lease import Lease, Terms

_SAME_END: Final = (1.0, schedule.SKEW_LIMIT)
"""The least and the most seconds by which two ends of one credential may differ."""

_DATE_UNIT: Final = 1.0


def skew(credential: Credential, received: datetime) -> float:
    """Return the issuer's clock minus ours in seconds, 0 where it is unknown or small.

    An issuer that is ahead counts from a second on (a `Date` header has whole
    seconds): its credentials end sooner than they seem to. One that is behind may
    just have taken its time to answer.
    """
    if credential.answered_at is None:
        return 0.0
    difference = schedule.seconds_between(received, credential.answered_at)
    return difference if difference > _DATE_UNIT or difference < -schedule.SKEW_LIMIT else 0.0


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
    if lease.expires is UNKNOWN and fingerprint == previous.fingerprint:
        # What was known of its end is still true.
        lease = replace(lease, expires=previous.expires)
    _insist_on_life(lease, received)
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


def _insist_on_life(lease: Lease, received: datetime) -> None:
    if lease.remaining(received) < schedule.SHORTEST_LIFE:
        raise PermanentError(
            f"the credential that was offered for {lease.registries[0]} has ended already, "
            f"or is about to: its end is {_shown(lease.expires)}, and here it is "
            f"{_shown(received)}",
            hint="what is in use stays; compare the clocks of this host and of the issuer",
        )


def _first_received(previous: Lease, received: datetime, age: float | None) -> datetime:
    # By the wall clock as it goes now: it may have moved since, and a receipt
    # from the future, or one that contradicts the age, would be due for ever.
    if age is not None:
        return schedule.after(received, -age)
    return min(previous.received or received, received)


def _local_end(credential: Credential, received: datetime, terms: Terms) -> Expiry:
    end = credential.expires_at
    ahead = skew(credential, received)
    if isinstance(end, datetime):
        end = schedule.after(end, -ahead) if ahead else end
        if schedule.seconds_between(received, end) > schedule.LONGEST_LIFE:
            end = UNKNOWN
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
