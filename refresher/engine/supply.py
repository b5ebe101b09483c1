"""Where the secret comes from when a place needs it.

Memory; else a readable sink that holds what the record says; else exactly one
fetch, however many places ask.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from refresher.engine.fetching import Attempt
from refresher.model.credential import Credential
from refresher.model.lease import Lease
from refresher.model.plan import Fingerprint, Value
from refresher.ports import Busy, Held, Refused


class Supply:
    """One provider's credential during one pass, obtained when a place first needs it.

    `lease` is the lease that the places should hold. It changes when `get` had to
    fetch: a plan that was made before is then out of date. `attempt` is the
    pass's one fetch, None while there was none.
    """

    def __init__(
        self,
        lease: Lease,
        credential: Credential | None,
        *,
        attempt: Attempt | None,
        look: Callable[[], Iterable[Held]],
        fetch: Callable[[], Attempt],
        fingerprint: Fingerprint,
        lock: AbstractContextManager[object],
    ) -> None:
        """Take what memory holds, `look` to read all sinks, `fetch` to ask the provider.

        Places that need the secret at the same time take turns under `lock`.
        """
        self.lease = lease
        self.attempt = attempt
        self._credential = credential
        self._look = look
        self._fetch = fetch
        self._fingerprint = fingerprint
        self._lock = lock

    def get(self, held: Held) -> Credential | None:
        """Return the credential, None if it can't be had now. `held` is searched first."""
        with self._lock:
            if self._find(held) is None and self.attempt is None:
                self._take(self._fetch())
            return self._credential

    def take(self, attempt: Attempt) -> None:
        """Go on with what came of a fetch; there is no second one then."""
        with self._lock:
            self._take(attempt)

    def find(self) -> Credential | None:
        """Return the credential if it is somewhere at hand, asking no provider."""
        with self._lock:
            return self._find({})

    def _take(self, attempt: Attempt) -> None:
        if attempt.credential is not None or attempt.lease.fingerprint != self.lease.fingerprint:
            self._credential = attempt.credential
        self.attempt, self.lease = attempt, attempt.lease

    def _find(self, held: Held) -> Credential | None:
        if self._credential is None:
            self._credential = self._recover([held]) or self._recover(self._look())
        return self._credential

    def _recover(self, places: Iterable[Held]) -> Credential | None:
        for held in places:
            for content in held.values():
                if isinstance(content, (Busy, Refused)):
                    continue
                for holding in content.values():
                    if isinstance(holding, Value) and self._is_ours(holding):
                        return self._rebuild(holding)
        return None

    def _is_ours(self, holding: Value) -> bool:
        return self._fingerprint(holding.username, holding.secret) == self.lease.fingerprint

    def _rebuild(self, holding: Value) -> Credential | None:
        if self.lease.issued is None or not self.lease.registries:
            return None
        return Credential(
            self.lease.registries,
            holding.username,
            holding.secret,
            email=holding.email,
            issued_at=self.lease.issued,
            expires_at=self.lease.expires,
        )
