"""Ask a provider for its credential, check the answer, record what came of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.engine.inputs import digest
from refresher.engine.kit import Kit
from refresher.engine.report import Fetch
from refresher.engine.trial import Trial, refused
from refresher.errors import (
    PermanentError,
    RefresherError,
    RetryableError,
    unforeseen,
)
from refresher.model import arrival, schedule
from refresher.model import lease as leases
from refresher.model.credential import Credential
from refresher.model.lease import Failure, Lease, Objection, Origin
from refresher.ports import Event, EventName, Severity, Source


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one fetch: the lease as it is recorded now, and the credential or the error."""

    lease: Lease
    fetch: Fetch
    credential: Credential | None = None
    error: RefresherError | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A credential that this process obtained, and when by the monotonic clock.

    `received` is what its lease says of that.
    """

    fingerprint: bytes | None
    credential: Credential
    arrived: float
    received: datetime | None


_BETWEEN_TRIALS: Final = 240.0
"""Seconds. A pass is made for many reasons, and a login each time would look like an attack."""

_SHORTEST_FETCH: Final = 0.1
_GRACE: Final = 0.5


class Fetcher:
    """Fetches for one provider, and remembers what arrived.

    The memory is the first place to look when a sink needs repair, and knows the
    age of a credential whatever happens to the wall clock.
    """

    def __init__(self, name: str, source: Source, kit: Kit) -> None:
        """Remember nothing yet."""
        self._name = name
        self._source = source
        self._kit = kit
        self._trial = Trial(name, source.verifier, kit)
        self._kept: _Kept | None = None
        self._asked_as: Origin | None = None
        self._tried_at = float("-inf")

    def remembered(self, lease: Lease) -> Credential | None:
        """Return the lease's credential if this process obtained it."""
        kept = self._of(lease)
        return None if kept is None else kept.credential

    def origin(self) -> Origin:
        """Return what a fetch would be made from now."""
        return Origin(self._source.settings, digest(self._source.provider))

    def due(self, lease: Lease, origin: Origin, *, patient: bool) -> str | None:
        """Return the reason why a fetch from `origin` is due, None if it is not.

        An impatient caller (a person, a cron job) does not keep to the recorded
        wait after a failure.
        """
        if not patient and lease.failure is not None and not lease.refused:
            return "the last attempt failed"
        if self._asked_as == origin:
            # Asked with these settings already: another process has other ones, and two that
            # took each other's records for a change would fetch in turn for ever.
            origin = lease.origin
        return leases.due(lease, self._kit.clock.now(), origin, age=self._age(lease))

    def as_now(self, lease: Lease) -> Lease:
        """Return the lease by the wall clock as it goes now, as far as its age is known."""
        age = self._age(lease)
        return lease if age is None else leases.told_anew(lease, self._kit.clock.now(), age)

    def fetch(
        self,
        lease: Lease,
        seconds: float = float("inf"),
        find: Callable[[], Credential | None] = lambda: None,
    ) -> Attempt:
        """Make one attempt within `seconds`, and record the lease or the failure of it.

        `find` gives the credential in use, if it is at hand: a new one that is
        refused is compared with it.
        """
        origin = self._asked_as = self.origin()
        lease = self._told_anew(lease)
        deadline = schedule.fetch_deadline(lease.remaining(self._kit.clock.now()))
        end = self._kit.clock.monotonic() + seconds
        credential = None
        try:
            credential = self._ask(max(min(deadline, seconds), _SHORTEST_FETCH))
            overtaken = self._overtaken(lease, credential)
            if overtaken is None:
                attempt = self._accept(lease, credential, min(deadline, self._half(end)), find)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            told = error if isinstance(error, RefresherError) else unforeseen("the provider", error)
            overtaken = self._overtaken(lease, credential)
            attempt = self._failed(lease, told)
        if overtaken is not None:
            return Attempt(overtaken, Fetch.NOT_DUE)
        attempt = replace(attempt, lease=replace(attempt.lease, origin=origin))
        self._kit.ledger.save_lease(self._name, attempt.lease)
        return attempt

    def try_again(
        self,
        lease: Lease,
        registries: Collection[str],
        credential: Credential | None,
        seconds: float,
    ) -> Lease:
        """Ask the registries what they have against the credential in use, and record it.

        Without a verifier nobody objects any more, and no credential is needed.
        """
        objections: tuple[Objection, ...] = ()
        if credential is not None:
            limit = schedule.fetch_deadline(lease.remaining(self._kit.clock.now()))
            limit = min(limit, seconds / 2)
            objections = self._trial.objections(credential, registries, limit, lease.objections)
            self._tried_at = self._kit.clock.monotonic()
        if objections == lease.objections or self._newer(lease) is not None:
            return lease
        tried = replace(lease, objections=objections)
        if lease.refused and not tried.refused:
            # What was waited for has come true.
            tried = replace(tried, failure=None)
        self._kit.ledger.save_lease(self._name, tried)
        return tried

    def tried_lately(self) -> bool:
        """Tell whether the registries were asked only minutes ago."""
        return self._kit.clock.monotonic() - self._tried_at < _BETWEEN_TRIALS

    def _ask(self, deadline: float) -> Credential:
        calls = {self._name: lambda: self._source.provider.fetch(deadline)}
        # The provider ends by itself at the deadline, and says better why; this is for one that
        # does not.
        answer = self._kit.run("fetch", calls, deadline + _GRACE)[self._name]
        credential: object = answer.get()
        if not isinstance(credential, Credential):
            raise PermanentError(
                f"the provider answered with a {type(credential).__name__}, not a Credential",
                hint="report it to the author of the provider",
            )
        return credential

    def _overtaken(self, lease: Lease, credential: Credential | None) -> Lease | None:
        """Return what another run obtained meanwhile, if this answer is none or ends sooner."""
        found = self._newer(lease)
        if found is None or credential is None:
            return found
        ours, theirs = credential.expires_at, found.expires
        sooner = isinstance(ours, datetime) and isinstance(theirs, datetime) and ours > theirs
        return None if sooner else found

    def _newer(self, lease: Lease) -> Lease | None:
        """Return the live lease that stands in the records in the place of `lease`, if any.

        The lock keeps other runs away, but not for a process that was frozen for long.
        """
        found = self._kit.ledger.lease(self._name, anew=True)
        if found.fingerprint in {lease.fingerprint, None}:
            return None
        return found if found.alive(self._kit.clock.now()) else None

    def _half(self, end: float) -> float:
        """Return half of what is left of a pass, in seconds: the places need time, too."""
        return max((end - self._kit.clock.monotonic()) / 2, _SHORTEST_FETCH)

    def _accept(
        self,
        lease: Lease,
        credential: Credential,
        seconds: float,
        find: Callable[[], Credential | None],
    ) -> Attempt:
        received = self._kit.clock.now()
        fingerprint = self._kit.ledger.fingerprint(credential.username, credential.secret)
        new = arrival.accept(
            credential,
            fingerprint,
            received=received,
            terms=self._source.terms,
            draw=self._kit.draw(),
            previous=lease,
            age=self._age(lease),
        )
        self._tell_skew(credential, received)
        # Of one that is unchanged the receipt is the first one, perhaps another process's.
        since = schedule.seconds_between(new.received or received, received)
        kept = _Kept(fingerprint, credential, self._kit.clock.monotonic() - since, new.received)
        lease, new = self._trial.compared(lease, new, credential, find, seconds)
        self._tried_at = self._kit.clock.monotonic()
        if new.refused:
            refusal = refused(new)
            if leases.withholds(lease, new, received):
                return self._failed(lease, refusal)
            new = replace(new, failure=self._failure(replace(new, failure=lease.failure), refusal))
        self._kept = kept
        fetch = Fetch.UNCHANGED if arrival.same_credential(new, lease) else Fetch.FETCHED
        return Attempt(new, fetch, credential)

    def _failed(self, lease: Lease, error: RefresherError) -> Attempt:
        lease = self._told_anew(lease)  # the clock may have moved meanwhile
        failure = self._failure(lease, error)
        return Attempt(replace(lease, failure=failure), Fetch.FAILED, error=error)

    def _failure(self, lease: Lease, error: RefresherError) -> Failure:
        now = self._kit.clock.now()
        attempts = (lease.failure.attempts if lease.failure else 0) + 1
        wait = schedule.retry_after(
            attempts,
            lease.remaining(now),
            self._kit.draw(),
            permanent=isinstance(error, PermanentError),
            asked=error.retry_after if isinstance(error, RetryableError) else None,
        )
        return Failure(str(error), now, attempts, schedule.after(now, wait))

    def _tell_skew(self, credential: Credential, received: datetime) -> None:
        skew = arrival.skew(credential, received)
        if abs(skew) > schedule.SKEW_LIMIT:
            self._kit.events.emit(
                Event(
                    EventName.CLOCK_SKEW,
                    Severity.WARNING,
                    provider=self._name,
                    detail=f"the issuer's clock is {skew:+.0f} s from this host's",
                    hint="set this host's clock; expiries are corrected by the difference",
                )
            )

    def _of(self, lease: Lease) -> _Kept | None:
        kept = self._kept
        return kept if kept is not None and kept.fingerprint == lease.fingerprint else None

    def _age(self, lease: Lease) -> float | None:
        kept = self._of(lease)
        # Another process that was told the same may have first heard of it at another time.
        if kept is None or kept.received != lease.received:
            return None
        return self._kit.clock.monotonic() - kept.arrived

    def _told_anew(self, lease: Lease) -> Lease:
        """Return the lease by the wall clock as it goes now, to be recorded like that.

        What is recorded of its places goes by the same clock.
        """
        told = self.as_now(lease)
        if self._kept is None or told.received is None or lease.received in {told.received, None}:
            return told
        self._kept = replace(self._kept, received=told.received)
        back = schedule.seconds_between(told.received, lease.received or told.received)
        known = self._kit.ledger.deliveries(self._name)
        anew = {place: each.told_anew(back) for place, each in known.items()}
        self._kit.ledger.save_deliveries(self._name, anew)
        return told
