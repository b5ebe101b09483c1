"""What the engine and the store sink ask of the registry store, the records and the lock."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from refresher.model.credential import UNKNOWN, Expiry, Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential as the registry store holds it."""

    username: str
    secret: Secret
    email: str | None = None
    issued_at: datetime | None = None
    expires_at: Expiry = UNKNOWN


class Store(Protocol):
    """The registry store: environments hold registries, registries hold credentials.

    The most recently added active credential of an active registry is in use, or the
    first one where a setting says so (`refresher.model.registered.PREFERENCE`). Docker
    Hub is one registry by any of its names.

    Raises `StoreError`, or `PermanentError` where waiting won't help.
    """

    def find(self, environment: str, registry: str) -> StoredCredential | None:
        """Return the credential in use at `registry`, None if there is none."""
        ...

    def find_all(
        self, environment: str, registries: Collection[str]
    ) -> Mapping[str, StoredCredential]:
        """Return the credentials in use at `registries`, leaving out those without one."""
        ...

    def obstacles(self, environment: str, registries: Collection[str]) -> Mapping[str, str]:
        """Return why nothing is in use on purpose at some of `registries`, and what to do.

        A person has deactivated the registry, or the last of its credentials. A
        `put` there would undo that, or change nothing.
        """
        ...

    def put(self, environment: str, credentials: Mapping[str, StoredCredential]) -> None:
        """Make each credential the one in use at its registry, all or none.

        Environment and registry are added when missing. A credential in use that
        has the same user name is renewed in place; another user's stays, inactive
        by age.
        """
        ...


Place = tuple[str, str, str]
"""A sink's name, a target of it and a registry there."""


class Records(Protocol):
    """What was obtained and where it was put; never a secret.

    Raises `StoreError`, or `PermanentError` where waiting won't help.
    """

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return an HMAC-SHA256 of both under a random key that the store keeps."""
        ...

    def lease(self, provider: str) -> Lease:
        """Return the provider's lease, an empty one if there is none."""
        ...

    def leases(self) -> Mapping[str, Lease]:
        """Return all leases by provider."""
        ...

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        ...

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        ...

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries, all or none."""
        ...

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied, all or none."""
        ...


class Lock(Protocol):
    """Mutual exclusion between runs, in this process and in others."""

    def hold(self, name: str, wait: float) -> AbstractContextManager[None]:
        """Hold the lock of `name`. It is free again when its holder dies.

        Raises `LockTimeoutError` if it can't be had within `wait` seconds.
        """
        ...
