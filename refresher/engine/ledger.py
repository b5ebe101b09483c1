"""The records, with a memory that bridges an outage of the store.

A store that can't be read or written must not keep a live credential from the
places that need it: the engine goes on with what this process remembers, the
fault is told once per outage, and what was not saved is saved when the store is
back.
"""

import functools
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from refresher.errors import RefresherError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Event, EventName, Events, Place, Records, Severity
from refresher.store.fingerprint import KEY_BYTES, fingerprint

_MOST_FINGERPRINTS: Final = 256


class Ledger:
    """`Records` that never fail. Called from several threads at once."""

    def __init__(self, records: Records, events: Events) -> None:
        """Bridge outages of `records`, telling `events` of each fault."""
        self._records = records
        self._events = events
        self._key = os.urandom(KEY_BYTES)
        self._provisional: dict[bytes, tuple[str, Secret]] = {}
        self._made: dict[tuple[str, Secret], bytes] = {}
        self._guard = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._deliveries: dict[str, dict[Place, Delivery]] = {}
        self._changes: Counter[str] = Counter()
        self._unsaved: set[str] = set()
        self._held: Counter[str] = Counter()
        self._told: set[str] = set()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return the store's fingerprint.

        While the store is away, that is the one which it made before, or one of
        this process for what it has not seen.
        """
        pair = username, secret
        try:
            made = self._records.fingerprint(username, secret)
        except RefresherError:
            return self._made.get(pair) or self._provisional_fingerprint(pair)
        with self._guard:
            self._made.pop(pair, None)
            self._made[pair] = made
            if len(self._made) > _MOST_FINGERPRINTS:
                del self._made[next(iter(self._made))]
        return made

    def _provisional_fingerprint(self, pair: tuple[str, Secret]) -> bytes:
        made = fingerprint(self._key, *pair)
        with self._guard:
            self._provisional[made] = pair
        return made

    def _settled(self, made: bytes | None) -> bytes | None:
        """Return the store's fingerprint in the place of one that was made while it was away."""
        pair = self._provisional.get(made) if made else None
        return self._records.fingerprint(*pair) if pair else made

    @contextmanager
    def holding(self, provider: str) -> Iterator[None]:
        """Catch up, then read what is recorded once: nobody else has the provider's lock."""
        self.catch_up(provider)
        self._read(provider, self._read_all)
        self._held[provider] += 1
        try:
            yield
        finally:
            self._held[provider] -= 1

    def lease(self, provider: str, *, anew: bool = False) -> Lease:
        """Return the provider's lease, an empty one if there is none; read `anew` in any case."""
        if anew or not self._held.get(provider):
            self._read(provider, self._read_lease)
        return self._leases.get(provider, Lease())

    def catch_up(self, provider: str) -> None:
        """Save what an outage left unsaved. Until then memory is believed, and not the store."""
        if provider in self._unsaved:
            self._save(provider, lambda: None)

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        self._changes[provider] += 1
        self._leases[provider] = lease
        self._save(provider, lambda: self._records.save_lease(provider, lease))

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        if not self._held.get(provider):
            self._read(provider, self._read_deliveries)
        # Never changed in place, so it can be lent.
        return self._deliveries.get(provider, {})

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries."""
        self._changes[provider] += 1
        self._deliveries[provider] = {**self._deliveries.get(provider, {}), **deliveries}
        self._save(provider, lambda: self._records.save_deliveries(provider, deliveries))

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied."""
        known = self._deliveries.get(provider, {})
        self._changes[provider] += 1
        self._deliveries[provider] = {
            place: each for place, each in known.items() if place not in places
        }
        self._save(provider, lambda: self._records.forget(provider, places))

    def _read(self, provider: str, read: Callable[[str], None]) -> None:
        # What was not saved is believed before what was.
        if provider not in self._unsaved:
            self._try(provider, functools.partial(read, provider))

    def _read_all(self, provider: str) -> None:
        self._read_lease(provider)
        self._read_deliveries(provider)

    def _read_lease(self, provider: str) -> None:
        before = self._changes.get(provider)
        found = self._records.lease(provider)
        # Who only looks on must not undo what a pass has saved in the meantime.
        if self._changes.get(provider) == before:
            self._leases[provider] = found

    def _read_deliveries(self, provider: str) -> None:
        before = self._changes.get(provider)
        found = dict(self._records.deliveries(provider))
        if self._changes.get(provider) == before:
            self._deliveries[provider] = found

    def _save_all(self, provider: str) -> None:
        ours, theirs = self._leases.get(provider, Lease()), self._records.lease(provider)
        recorded = dict(self._records.deliveries(provider))
        if _is_newer(theirs, ours):
            # Somebody else went on, and knows better what the places hold, too.
            self._leases[provider], self._deliveries[provider] = theirs, recorded
            return
        ours = replace(ours, fingerprint=self._settled(ours.fingerprint))
        deliveries = {
            place: replace(each, fingerprint=self._settled(each.fingerprint))
            for place, each in self._deliveries.get(provider, {}).items()
        }
        self._leases[provider], self._deliveries[provider] = ours, deliveries
        self._records.save_lease(provider, ours)
        self._records.save_deliveries(provider, deliveries)
        self._records.forget(provider, set(recorded) - set(deliveries))

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
