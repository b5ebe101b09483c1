"""The registry store, the records and the lock in memory: they end with the process."""

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.pageaddress import spelled
from refresher.model.plan import Delivery
from refresher.ports import Place, StoredCredential
from refresher.store.fingerprint import KEY_BYTES, fingerprint
from refresher.store.timeout import timed_out


class MemoryStore:
    """A `Store` in memory. It keeps only what is in use."""

    def __init__(self) -> None:
        """Start empty."""
        self._credentials: dict[tuple[str, str], StoredCredential] = {}
        self._lock = threading.Lock()

    def find(self, environment: str, registry: str) -> StoredCredential | None:
        """Return the credential in use at `registry`, None if there is none."""
        return self.find_all(environment, (registry,)).get(registry)

    def find_all(
        self, environment: str, registries: Collection[str]
    ) -> Mapping[str, StoredCredential]:
        """Return the credentials in use at `registries`, leaving out those without one."""
        keys = {registry: _key(environment, registry) for registry in registries}
        with self._lock:
            return {
                registry: self._credentials[key]
                for registry, key in keys.items()
                if key in self._credentials
            }

    def obstacles(self, _environment: str, _registries: Collection[str], /) -> Mapping[str, str]:
        """Return nothing: nothing can be deactivated here."""
        return {}

    def put(self, environment: str, credentials: Mapping[str, StoredCredential]) -> None:
        """Make each credential the one in use at its registry, all or none."""
        new = {
            _key(environment, registry): credential for registry, credential in credentials.items()
        }
        with self._lock:
            self._credentials.update(new)


def _key(environment: str, registry: str) -> tuple[str, str]:
    return environment, spelled(registry).lower()


class MemoryRecords:
    """`Records` in memory, under a key of their own."""

    def __init__(self) -> None:
        """Start empty, with a new key."""
        self._key = os.urandom(KEY_BYTES)
        self._leases: dict[str, Lease] = {}
        self._deliveries: dict[str, dict[Place, Delivery]] = {}
        self._lock = threading.Lock()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return an HMAC-SHA256 of both under the key."""
        return fingerprint(self._key, username, secret)

    def lease(self, provider: str) -> Lease:
        """Return the provider's lease, an empty one if there is none."""
        with self._lock:
            return self._leases.get(provider, Lease())

    def leases(self) -> Mapping[str, Lease]:
        """Return all leases by provider."""
        with self._lock:
            return dict(self._leases)

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        with self._lock:
            self._leases[provider] = lease

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        with self._lock:
            return dict(self._deliveries.get(provider, {}))

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries, all or none."""
        with self._lock:
            self._deliveries.setdefault(provider, {}).update(deliveries)

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied, all or none."""
        with self._lock:
            for place in places:
                self._deliveries.get(provider, {}).pop(place, None)


class MemoryLock:
    """A `Lock` among the threads of this process."""

    def __init__(self) -> None:
        """Start with nothing held."""
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def hold(self, name: str, wait: float) -> Iterator[None]:
        """Hold the lock of `name`, tried for `wait` seconds, at least once.

        Raises `LockTimeoutError`.
        """
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(timeout=min(max(wait, 0.0), threading.TIMEOUT_MAX)):
            raise timed_out(name, wait)
        try:
            yield
        finally:
            lock.release()
