"""Seals what is plain, or sealed with an old key, with the first key of the file."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from refresher.store import columns
from refresher.store.sealing import recordkey
from refresher.store.sealing.aes import Sealing
from refresher.store.sealing.seal import named
from refresher.store.session import Database, Row, Session

# Whatever its state is. A removed one has no secret left, but one that an old version removed.
_SECRETS: Final = """
    SELECT c.id, c.secret, e.name, r.address
    FROM credential c
    JOIN registry r ON r.id = c.registry_id
    JOIN environment e ON e.id = r.environment_id
    WHERE length(c.secret) > 0
    ORDER BY c.id"""
_SAVE: Final = "UPDATE credential SET secret = :secret WHERE id = :id"

_KEY: Final = "SELECT value FROM fingerprint_key WHERE id = 1"
_SAVE_KEY: Final = "UPDATE fingerprint_key SET value = :value WHERE id = 1"


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets are sealed anew, were so already, and could not be read and are left."""

    sealed: int = 0
    current: int = 0
    unreadable: int = 0


def reseal(database: Database, sealing: Sealing) -> Resealed:
    """Seal all secrets and the key of the fingerprints with the first key, or none of them.

    A secret that was damaged or moved is left as it is, with a warning. Raises
    `PermanentError` if the keys can't be read or one that is needed is not among them,
    and as `database` does; then nothing was changed.
    """
    counts: Counter[str] = Counter()
    changes: list[dict[str, object]] = []
    with database.writing() as session:
        for row in session.execute(_SECRETS).fetchall():
            what = named(row[2], row[3])
            made = database.decoded(what, lambda row: _resealed(row, sealing), row)
            if made is None:
                counts["unreadable"] += 1
            elif made == columns.to_stored(row[1]):
                counts["current"] += 1
            else:
                counts["sealed"] += 1
                changes.append({"id": row[0], "secret": made})
        session.executemany(_SAVE, changes)
        _reseal_key(database, session, sealing)
    return Resealed(**counts)


def _resealed(row: Row, sealing: Sealing) -> bytes:
    stored = columns.to_stored(row[1])
    environment, address = columns.to_text(row[2]), columns.to_text(row[3])
    if sealing.is_current(stored):
        # Opened all the same, to tell of a damaged one.
        sealing.open(stored, environment, address)
        return stored
    return sealing.seal(sealing.open(stored, environment, address), environment, address)


def _reseal_key(database: Database, session: Session, sealing: Sealing) -> None:
    def resealed(row: Row) -> bytes:
        return recordkey.from_key(recordkey.to_key(row[0], sealing), sealing)

    row = session.execute(_KEY).fetchone()
    made = row and database.decoded("the key of the fingerprints", resealed, row)
    if made:
        session.execute(_SAVE_KEY, {"value": made})
