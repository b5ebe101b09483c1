"""The records in a database file."""

import os
import sqlite3
from collections.abc import Collection, Mapping
from typing import Final

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place
from refresher.store import rows
from refresher.store.columns import to_digest, to_text
from refresher.store.fingerprint import KEY_BYTES, fingerprint
from refresher.store.sqlite import Database

_KEY: Final = "SELECT value FROM fingerprint_key WHERE id = 1"
_SAVE_KEY: Final = "REPLACE INTO fingerprint_key (id, value) VALUES (1, ?)"


def _select(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - made of constants


def _replace(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - the same


_LEASES: Final = _select("lease", ("provider", *rows.LEASE_COLUMNS))
_LEASE: Final = f"{_LEASES} WHERE provider = ?"
_SAVE_LEASE: Final = _replace("lease", ("provider", *rows.LEASE_COLUMNS))

_PLACE: Final = ("sink", "target", "registry")
_DELIVERIES: Final = f"{_select('delivery', (*_PLACE, *rows.DELIVERY_COLUMNS))} WHERE provider = ?"
_SAVE_DELIVERY: Final = _replace("delivery", ("provider", *_PLACE, *rows.DELIVERY_COLUMNS))
_FORGET: Final = (
    "DELETE FROM delivery WHERE provider = ? AND sink = ? AND target = ? AND registry = ?"
)


class SqliteRecords:
    """`Records` in a database file, under a key that is drawn once and kept there."""

    def __init__(self, database: Database) -> None:
        """Keep the records in `database`."""
        self._database = database

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return an HMAC-SHA256 of both under the key of this database."""
        return fingerprint(self._key(), username, secret)

    def lease(self, provider: str) -> Lease:
        """Return the provider's lease, an empty one if there is none."""
        with self._database.reading() as connection:
            row = connection.execute(_LEASE, (provider,)).fetchone()
        return (row and self._lease(row)) or Lease()

    def leases(self) -> Mapping[str, Lease]:
        """Return all leases by provider."""
        with self._database.reading() as connection:
            found = {row[0]: self._lease(row) for row in connection.execute(_LEASES)}
        return {provider: lease for provider, lease in found.items() if lease is not None}

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        with self._database.writing() as connection:
            connection.execute(_SAVE_LEASE, (provider, *rows.from_lease(lease)))

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        with self._database.reading() as connection:
            found = connection.execute(_DELIVERIES, (provider,)).fetchall()
        what = f"a delivery of {provider}"
        deliveries = (self._database.decoded(what, _delivery, row) for row in found)
        return dict(delivery for delivery in deliveries if delivery is not None)

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries, all or none."""
        if not deliveries:
            return
        with self._database.writing() as connection:
            connection.executemany(
                _SAVE_DELIVERY,
                [
                    (provider, *place, *rows.from_delivery(delivery))
                    for place, delivery in deliveries.items()
                ],
            )

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied, all or none."""
        if not places:
            return
        with self._database.writing() as connection:
            connection.executemany(_FORGET, [(provider, *place) for place in places])

    def _lease(self, row: rows.Row) -> Lease | None:
        found = self._database.decoded(f"the lease of {row[0]}", _named_lease, row)
        return found and found[1]

    def _key(self) -> bytes:
        with self._database.reading() as connection:
            key = self._known_key(connection)
        if key is not None:
            return key
        with self._database.writing() as connection:
            # Of two processes that come here at once, the first one's key wins.
            key = self._known_key(connection)
            if key is None:
                key = os.urandom(KEY_BYTES)
                connection.execute(_SAVE_KEY, (key,))
        return key

    def _known_key(self, connection: sqlite3.Connection) -> bytes | None:
        row = connection.execute(_KEY).fetchone()
        return row and self._database.decoded("the key of the fingerprints", _to_key, row)


def _named_lease(row: rows.Row) -> tuple[str, Lease]:
    return to_text(row[0]), rows.to_lease(row[1:])


def _delivery(row: rows.Row) -> tuple[Place, Delivery]:
    sink, target, registry, *delivery = row
    return (to_text(sink), to_text(target), to_text(registry)), rows.to_delivery(delivery)


def _to_key(row: rows.Row) -> bytes:
    key = to_digest(row[0])
    if key is None or len(key) != KEY_BYTES:
        raise ValueError(KEY_BYTES)
    return key
