"""The records in a database."""

import os
from collections.abc import Collection, Mapping
from typing import Final

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place
from refresher.store import rows
from refresher.store.columns import to_text
from refresher.store.fingerprint import KEY_BYTES, fingerprint
from refresher.store.sealing.recordkey import from_key, to_key
from refresher.store.sealing.seal import Plain, Seal
from refresher.store.session import Database, Row, Session


def _select(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - made of constants


def _save(table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Return the statement that adds a row, or replaces the one that has its `key`."""
    names = (*key, *columns)
    values = ", ".join(f":{name}" for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values}) "  # noqa: S608 - the same
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )


_KEY: Final = "SELECT value FROM fingerprint_key WHERE id = 1"
_SAVE_KEY: Final = _save("fingerprint_key", ("id",), ("value",))

_LEASES: Final = _select("lease", ("provider", *rows.LEASE_COLUMNS))
_LEASE: Final = f"{_LEASES} WHERE provider = :provider"
_SAVE_LEASE: Final = _save("lease", ("provider",), rows.LEASE_COLUMNS)

_PLACE: Final = ("sink", "target", "registry")
_DELIVERIES: Final = (
    f"{_select('delivery', (*_PLACE, *rows.DELIVERY_COLUMNS))} WHERE provider = :provider"
)
_SAVE_DELIVERY: Final = _save("delivery", ("provider", *_PLACE), rows.DELIVERY_COLUMNS)
_FORGET: Final = """
    DELETE FROM delivery
    WHERE provider = :provider AND sink = :sink AND target = :target AND registry = :registry"""


class SqlRecords:
    """`Records` in a database, under a key that is drawn once and kept there, sealed by `seal`."""

    def __init__(self, database: Database, seal: Seal | None = None) -> None:
        """Keep the records in `database`, with a plain key if there is no seal."""
        self._database = database
        self._seal = seal or Plain()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Return an HMAC-SHA256 of both under the key of this database."""
        return fingerprint(self._key(), username, secret)

    def lease(self, provider: str) -> Lease:
        """Return the provider's lease, an empty one if there is none."""
        with self._database.reading() as session:
            row = session.execute(_LEASE, {"provider": provider}).fetchone()
        return (row and self._lease(row)) or Lease()

    def leases(self) -> Mapping[str, Lease]:
        """Return all leases by provider."""
        with self._database.reading() as session:
            found = {row[0]: self._lease(row) for row in session.execute(_LEASES)}
        return {provider: lease for provider, lease in found.items() if lease is not None}

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Replace the provider's lease."""
        with self._database.writing() as session:
            session.execute(_SAVE_LEASE, {"provider": provider, **rows.from_lease(lease)})

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Return what is recorded of the provider's deliveries."""
        with self._database.reading() as session:
            found = session.execute(_DELIVERIES, {"provider": provider}).fetchall()
        what = f"a delivery of {provider}"
        deliveries = (self._database.decoded(what, _delivery, row) for row in found)
        return dict(delivery for delivery in deliveries if delivery is not None)

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Add or replace these deliveries, all or none."""
        if not deliveries:
            return
        with self._database.writing() as session:
            session.executemany(
                _SAVE_DELIVERY,
                [
                    {**_at(provider, place), **rows.from_delivery(delivery)}
                    for place, delivery in deliveries.items()
                ],
            )

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Drop what is recorded of places that are no longer supplied, all or none."""
        if not places:
            return
        with self._database.writing() as session:
            session.executemany(_FORGET, [_at(provider, place) for place in places])

    def _lease(self, row: Row) -> Lease | None:
        found = self._database.decoded(f"the lease of {row[0]}", _named_lease, row)
        return found and found[1]

    def _key(self) -> bytes:
        with self._database.reading() as session:
            key = self._known_key(session)
        if key is not None:
            return key
        with self._database.writing() as session:
            # Of two processes that come here at once, the first one's key wins.
            key = self._known_key(session)
            if key is None:
                key = os.urandom(KEY_BYTES)
                session.execute(_SAVE_KEY, {"id": 1, "value": from_key(key, self._seal)})
        return key

    def _known_key(self, session: Session) -> bytes | None:
        row = session.execute(_KEY).fetchone()
        if row is None:
            return None
        return self._database.decoded("the key of the fingerprints", self._to_key, row)

    def _to_key(self, row: Row) -> bytes:
        return to_key(row[0], self._seal)


def _at(provider: str, place: Place) -> rows.Values:
    return {"provider": provider, **dict(zip(_PLACE, place, strict=True))}


def _named_lease(row: Row) -> tuple[str, Lease]:
    return to_text(row[0]), rows.to_lease(row[1:])


def _delivery(row: Row) -> tuple[Place, Delivery]:
    sink, target, registry, *delivery = row
    return (to_text(sink), to_text(target), to_text(registry)), rows.to_delivery(delivery)
