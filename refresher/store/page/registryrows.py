"""The registries as rows."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.errors import PermanentError
from refresher.model.registered import RowState
from refresher.model.transitions import removed
from refresher.store.columns import from_moment
from refresher.store.page.environments import Home
from refresher.store.session import Session

COLUMNS: Final = "id, address, state, created"

# SQLite uses the partial index on addresses only where the index's own condition
# stands word by word.
_FIND: Final = f"""
    SELECT {COLUMNS} FROM registry
    WHERE environment_id = :environment AND lower(address) = lower(:address)
        AND state <> 'removed'"""  # noqa: S608 - made of constants
_FIND_REMOVED: Final = f"""
    SELECT {COLUMNS} FROM registry
    WHERE environment_id = :environment AND lower(address) = lower(:address)
    ORDER BY id DESC LIMIT 1"""  # noqa: S608 - the same
_ADD: Final = f"""
    INSERT INTO registry (environment_id, address, state, created)
    VALUES (:environment, :address, 'active', :created) RETURNING {COLUMNS}"""  # noqa: S608 - the same
ALL: Final = f"SELECT {COLUMNS} FROM registry WHERE environment_id = :environment"  # noqa: S608 - the same
_SET: Final = "UPDATE registry SET state = :state WHERE id = :id"


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """A registry's row, with the name of its environment. `state` may be any text."""

    environment: str
    id: int
    address: str
    state: str
    created: object

    def __str__(self) -> str:
        """Return what a message calls it."""
        return named(self.environment, self.address)


def named(environment: str, address: str) -> str:
    """Return what a message calls a registry."""
    return f"registry {address} of environment {environment}"


def find(session: Session, home: Home, address: str) -> RegistryRow | None:
    """Return the registry at `address` that is not removed, None if there is none."""
    return _one(session, _FIND, home, address)


def present(session: Session, home: Home, address: str) -> RegistryRow:
    """Return the registry at `address`. Raises `PermanentError` if it is not there, or removed."""
    row = latest(session, home, address)
    if row.state == RowState.REMOVED:
        raise removed(str(row))
    return row


def latest(session: Session, home: Home, address: str) -> RegistryRow:
    """Return the registry at `address`, or the one that was removed there last.

    Raises `PermanentError` if there never was one.
    """
    row = find(session, home, address) or _one(session, _FIND_REMOVED, home, address)
    if row is None:
        raise PermanentError(
            f"environment {home.name} has no registry {address}",
            hint="add it by `refresher registry add`, or look at `refresher registry list`",
        )
    return row


def add(session: Session, home: Home, address: str, now: datetime) -> RegistryRow:
    """Add an active registry."""
    values = {"environment": home.id, "address": address, "created": from_moment(now)}
    return RegistryRow(home.name, *(session.execute(_ADD, values).fetchone() or ()))


def set_state(session: Session, row: RegistryRow, state: RowState) -> RegistryRow:
    """Give a registry a state; return its row with it."""
    session.execute(_SET, {"id": row.id, "state": str(state)})
    return replace(row, state=str(state))


def _one(session: Session, statement: str, home: Home, address: str) -> RegistryRow | None:
    row = session.execute(statement, {"environment": home.id, "address": address}).fetchone()
    return RegistryRow(home.name, *row) if row else None
