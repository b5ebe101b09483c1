"""Ask a provider for its credential, check the answer, record what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.engine.inputs import digest
from refresher.engine.kit import Kit
from refresher.engine.report import Fetch
from refresher.errors import (
    PermanentError,
    RefresherError,
    RetryableError,
    unforeseen,
)
from refresher.model import lease as leases
from refresher.model import schedule
from refresher.model.credential import Credential
from refresher.model.lease import Failure, Lease, Origin
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
    """A credential that this process obtained, and when by the monotonic clock."""

    fingerprint: bytes | None
    credential: Credential
    arrived: float


_SHORTEST_FETCH: Final = 0.1
_GRACE: Final = 0.5


class Fetcher:
    """Fetches for all providers of an engine, and remembers what arrived.

    The memory is the first place to look when a sink needs repair, and knows the
    age of a credential whatever happens to the wall clock.
    """

    def __init__(self, kit: Kit) -> None:
        """Remember nothing yet."""
        self._kit = kit
        self._kept: dict[str, _Kept] = {}
        self._asked_as: dict[str, Origin] = {}

    def remembered(self, name: str, lease: Lease) -> Credential | None:
        """Return the lease's credential if this process obtained it."""
        kept = self._of(name, lease)
        return None if kept is None else kept.credential

    def due(self, name: str, source: Source, lease: Lease, *, patient: bool) -> str | None:
        """Return the reason why a fetch is due, None if it is not.

        An impatient caller (a person, a cron job) does not keep to the recorded
        wait after a failure.
        """
        if not patient and lease.failure is not None:
            return "the last attempt failed"
        origin = self._origin(source)
        if self._asked_as.get(name) == origin:
            # Asked with these settings already: another process has other ones, and two that
            # took each other's records for a change would fetch in turn for ever.
            origin = lease.origin
        now, age = self._kit.clock.now(), self._age(name, lease)
        return leases.due(lease, now, origin, age=age)

    def fetch(
        self, name: str, source: Source, lease: Lease, seconds: float = float("inf")
    ) -> Attempt:
        """Make one attempt within `seconds`, and record the lease or the failure of it."""
        origin = self._asked_as[name] = self._origin(source)
        deadline = schedule.fetch_deadline(lease.remaining(self._kit.clock.now()))
        try:
            credential = self._ask(name, source, max(min(deadline, seconds), _SHORTEST_FETCH))
            attempt = self._accept(name, source, lease, credential)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            told = error if isinstance(error, RefresherError) else unforeseen("the provider", error)
            attempt = Attempt(self._failed(lease, told), Fetch.FAILED, error=told)
        attempt = replace(attempt, lease=replace(attempt.lease, origin=origin))
        self._kit.ledger.save_lease(name, attempt.lease)
        return attempt

    def _ask(self, name: str, source: Source, deadline: float) -> Credential:
        calls = {name: lambda: source.provider.fetch(deadline)}
        # The provider ends by itself at the deadline, and says better why; this is for one that
        # does not.
        credential: object = self._kit.run("fetch", calls, deadline + _GRACE)[name].get()
        if not isinstance(credential, Credential):
            raise PermanentError(
                f"the provider answered with a {type(credential).__name__}, not a Credential",
                hint="report it to the author of the provider",
            )
        return credential

    def _accept(self, name: str, source: Source, lease: Lease, credential: Credential) -> Attempt:
        received = self._kit.clock.now()
        fingerprint = self._kit.ledger.fingerprint(credential.username, credential.secret)
        new = leases.accept(
            credential,
            fingerprint,
            received=received,
            terms=source.terms,
            draw=self._kit.draw(),
            previous=lease,
            age=self._age(name, lease),
        )
        self._tell_skew(name, credential, received)
        unchanged = leases.same_credential(new, lease)
        if not unchanged or self._of(name, lease) is None:
            self._kept[name] = _Kept(fingerprint, credential, self._kit.clock.monotonic())
        return Attempt(new, Fetch.UNCHANGED if unchanged else Fetch.FETCHED, credential)

    def _failed(self, lease: Lease, error: RefresherError) -> Lease:
        now = self._kit.clock.now()
        attempts = (lease.failure.attempts if lease.failure else 0) + 1
        wait = schedule.retry_after(
            attempts,
            lease.remaining(now),
            self._kit.draw(),
            permanent=isinstance(error, PermanentError),
            asked=error.retry_after if isinstance(error, RetryableError) else None,
        )
        failure = Failure(str(error), now, attempts, schedule.after(now, wait))
        return replace(lease, failure=failure)

    def _tell_skew(self, name: str, credential: Credential, received: datetime) -> None:
        skew = leases.skew(credential, received)
        if skew:
            self._kit.events.emit(
                Event(
                    EventName.CLOCK_SKEW,
                    Severity.WARNING,
                    provider=name,
                    detail=f"the issuer's clock is {skew:+.0f} s from this host's",
                    hint="set this host's clock; expiries are corrected by the difference",
                )
            )

    def _of(self, name: str, lease: Lease) -> _Kept | None:
        kept = self._kept.get(name)
        return kept if kept is not None and kept.fingerprint == lease.fingerprint else None

    def _age(self, name: str, lease: Lease) -> float | None:
        kept = self._of(name, lease)
        return None if kept is None else self._kit.clock.monotonic() - kept.arrived

    @staticmethod
    def _origin(source: Source) -> Origin:
        return Origin(source.settings, digest(source.provider))
