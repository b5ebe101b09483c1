"""The records, with a memory that bridges an outage of the store.

A store that can't be read or written must not keep a live credential from the
places that need it: the engine goes on with what this process remembers, the
fault is told once per outage, and what was not saved is saved when the store is
back.
"""

import os
from collections.abc import Callable, Collection, Mapping

from refresher.errors import RefresherError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Event, EventName, Events, Place, Records, Severity
from refresher.store.fingerprint import KEY_BYTES, fingerprint


class Ledger:
    """`Records` that never fail. Called from several threads at once."""

    def __init__(self, records: Records, events: Events) -> None:
        """Bridge outages of `records`, telling `events` of each fault."""
        self._records = records
        self._events = events
        self._key = os.urandom(KEY_BYTES)
        self._leases: dict[str, Lease] = {}
        self._deliveries: dict[str, dict[Place, Delivery]] = {}
        self._unsaved: set[str] = set()
        self._told: set[str] = set()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return the store's fingerprint, or one of this process while the store is away."""
        try:
            return self._records.fingerprint(username, secret)
        except RefresherError:
            return fingerprint(self._key, username, secret)

    def lease(self, provider: str) -> Lease:
        """Return the provider's lease, an empty one if there is none."""
        if provider not in self._unsaved:
            self._try(provider, lambda: self._read_lease(provider))
        return self._leases.get(provider, Lease())

    def catch_up(self, provider: str) -> None:
        """Save what an outage left unsaved. Until then memory is believed, and not the store."""
        if provider in self._unsaved:
            self._save(provider, lambda: None)

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        self._leases[provider] = lease
        self._save(provider, lambda: self._records.save_lease(provider, lease))

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        if provider not in self._unsaved:
            self._try(provider, lambda: self._read_deliveries(provider))
        return dict(self._deliveries.get(provider, {}))

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries."""
        self._deliveries[provider] = {**self._deliveries.get(provider, {}), **deliveries}
        self._save(provider, lambda: self._records.save_deliveries(provider, deliveries))

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied."""
        known = self._deliveries.get(provider, {})
        self._deliveries[provider] = {
            place: each for place, each in known.items() if place not in places
        }
        self._save(provider, lambda: self._records.forget(provider, places))

    def _read_lease(self, provider: str) -> None:
        self._leases[provider] = self._records.lease(provider)

    def _read_deliveries(self, provider: str) -> None:
        self._deliveries[provider] = dict(self._records.deliveries(provider))

    def _save_all(self, provider: str) -> None:
        deliveries = self._deliveries.get(provider, {})
        gone = set(self._records.deliveries(provider)) - set(deliveries)
        ours, theirs = self._leases.get(provider, Lease()), self._records.lease(provider)
        if _is_newer(theirs, ours):
            self._leases[provider] = theirs
        else:
            self._records.save_lease(provider, ours)
        self._records.save_deliveries(provider, deliveries)
        self._records.forget(provider, gone)

    def _save(self, provider: str, save: Callable[[], None]) -> None:
        if provider in self._unsaved:
            # One thing that could be saved does not mean that the store has all the others.
            saved = self._try(provider, lambda: self._save_all(provider))
        else:
            saved = self._try(provider, save)
        if saved:
            self._unsaved.discard(provider)
        else:
            self._unsaved.add(provider)

    def _try(self, provider: str, call: Callable[[], None]) -> bool:
        try:
            call()
        except RefresherError as error:
            if provider in self._told:
                return False
            self._told.add(provider)
            self._events.emit(
                Event(
                    EventName.RECORDS_FAILED,
                    Severity.ERROR,
                    provider=provider,
                    detail=str(error),
                    hint=error.hint or "renewal goes on from memory; a restart would fetch again",
                )
            )
            return False
        self._told.discard(provider)
        return True


def _is_newer(one: Lease, other: Lease) -> bool:
    """Tell whether `one` arrived after `other`: another process renewed during the outage."""
    if one.received is None:
        return False
    return other.received is None or one.received > other.received
