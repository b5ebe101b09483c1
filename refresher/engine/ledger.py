"""The records, with a memory that bridges an outage of the store.

A store that can't be read or written must not keep a live credential from the
places that need it: the engine goes on with what this process remembers, the
fault is told once per outage, and what was not saved is saved when the store is
back.
"""

import functools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Final, TypeVar

from refresher.engine.fingerprints import Fingerprints
from refresher.errors import PermanentError, RefresherError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Event, EventName, Events, Place, Records, Severity

T = TypeVar("T")

_KEY: Final = ""
"""Whose fault it is when there are no fingerprints: no provider's."""


class Ledger:
    """`Records` that never fail. Called from several threads at once."""

    def __init__(self, records: Records, events: Events) -> None:
        """Bridge outages of `records`, telling `events` of each fault."""
        self._records = records
        self._events = events
        self._fingerprints = Fingerprints(records, self._tell_key)
        self._savers: dict[str, AbstractContextManager[object]] = {}
        self._guard = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._deliveries: dict[str, dict[Place, Delivery]] = {}
        self._changes: Counter[str] = Counter()
        self._unsaved: set[str] = set()
        self._held: Counter[str] = Counter()
        self._told: set[str] = set()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return the fingerprint of both, the store's own while it is there."""
        return self._fingerprints.of(username, secret)

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
            with self._alone(provider):
                self._save(provider, lambda: None)

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        with self._alone(provider):
            self._remember(provider, self._leases, lease)
            self._save(provider, lambda: self._store_lease(provider, lease))

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        if not self._held.get(provider):
            self._read(provider, self._read_deliveries)
        # Never changed in place, so it can be lent.
        return self._deliveries.get(provider, {})

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries."""
        with self._alone(provider):
            known = self._deliveries.get(provider, {})
            self._remember(provider, self._deliveries, {**known, **deliveries})
            self._save(provider, lambda: self._store_deliveries(provider, deliveries))

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied."""
        with self._alone(provider):
            known = self._deliveries.get(provider, {})
            kept = {place: each for place, each in known.items() if place not in places}
            self._remember(provider, self._deliveries, kept)
            self._save(provider, lambda: self._records.forget(provider, places))

    def _alone(self, provider: str) -> AbstractContextManager[object]:
        """Let the threads of a provider save in turn: each adds to what the others have left."""
        # One that the same thread may take again: the simulation has but one thread.
        return self._savers.setdefault(provider, threading.RLock())

    def _remember(self, provider: str, memory: dict[str, T], value: T) -> None:
        with self._guard:
            self._changes[provider] += 1
            memory[provider] = value

    def _read(self, provider: str, read: Callable[[str], None]) -> None:
        # What was not saved is believed before what was.
        if provider not in self._unsaved:
            self._try(provider, functools.partial(read, provider))

    def _read_all(self, provider: str) -> None:
        self._read_lease(provider)
        self._read_deliveries(provider)

    def _read_lease(self, provider: str) -> None:
        before = self._changes.get(provider)
        found = self._lease_by_ours(self._records.lease(provider))
        self._recall(provider, self._leases, found, before)

    def _read_deliveries(self, provider: str) -> None:
        before = self._changes.get(provider)
        found = self._deliveries_by_ours(self._records.deliveries(provider))
        self._recall(provider, self._deliveries, found, before)

    def _recall(self, provider: str, memory: dict[str, T], found: T, before: int | None) -> None:
        with self._guard:
            # Who only looks on must not undo what a pass has saved in the meantime.
            if self._changes.get(provider) == before:
                memory[provider] = found

    def _save_all(self, provider: str) -> None:
        ours = self._leases.get(provider, Lease())
        theirs = self._lease_by_ours(self._records.lease(provider))
        recorded = self._deliveries_by_ours(self._records.deliveries(provider))
        if _is_newer(theirs, ours):
            # Somebody else went on, and knows better what the places hold, too.
            self._remember(provider, self._leases, theirs)
            self._remember(provider, self._deliveries, recorded)
            return
        deliveries = self._deliveries.get(provider, {})
        self._store_lease(provider, ours)
        self._store_deliveries(provider, deliveries)
        self._records.forget(provider, set(recorded) - set(deliveries))

    def _store_lease(self, provider: str, lease: Lease) -> None:
        stored = self._fingerprints.stored(lease.fingerprint)
        self._records.save_lease(provider, replace(lease, fingerprint=stored))

    def _store_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        stored = _translated(deliveries, self._fingerprints.stored)
        self._records.save_deliveries(provider, stored)

    def _lease_by_ours(self, lease: Lease) -> Lease:
        ours = self._fingerprints.ours(lease.fingerprint)
        return lease if ours == lease.fingerprint else replace(lease, fingerprint=ours)

    def _deliveries_by_ours(self, deliveries: Mapping[Place, Delivery]) -> dict[Place, Delivery]:
        if not self._fingerprints.differ:
            return dict(deliveries)
        return _translated(deliveries, self._fingerprints.ours)

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
            self._tell(provider, error)
            return False
        self._told.discard(provider)
        return True

    def _tell_key(self, error: RefresherError | None) -> None:
        if error is None:
            self._told.discard(_KEY)
        elif isinstance(error, PermanentError):
            # Nothing else needs the key, and so nobody else tells. A store that is away is
            # told by who reads it.
            self._tell(_KEY, error)

    def _tell(self, provider: str, error: RefresherError) -> None:
        if provider in self._told:
            return
        self._told.add(provider)
        hint = error.hint or "renewal goes on from memory; a restart would fetch again"
        name, level = EventName.RECORDS_FAILED, Severity.ERROR
        self._events.emit(Event(name, level, provider=provider, detail=str(error), hint=hint))


def _translated(
    deliveries: Mapping[Place, Delivery], translate: Callable[[bytes | None], bytes | None]
) -> dict[Place, Delivery]:
    prints = {each.fingerprint for each in deliveries.values()}
    other = {each: translate(each) for each in prints}
    return {
        place: each
        if other[each.fingerprint] == each.fingerprint
        else replace(each, fingerprint=other[each.fingerprint])
        for place, each in deliveries.items()
    }


def _is_newer(one: Lease, other: Lease) -> bool:
    """Tell whether `one` arrived after `other`: another process renewed during the outage."""
    if one.received is None:
        return False
    return other.received is None or one.received > other.received
