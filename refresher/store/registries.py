"""The registry store in a database file."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.ports import StoredCredential
from refresher.store import columns
from refresher.store.sqlite import Database

# `added` is counted from 1. What a person wrote there instead, as text, comes
# before every number, and the largest number has no successor.
_COUNTED: Final = f"added BETWEEN 0 AND {2**62}"

# Both conditions on the registry's state are needed: SQLite uses the partial
# index on addresses only where the index's own condition stands word by word.
_IN_USE: Final = f"""
    SELECT c.username, c.secret, c.email, c.issued_at, c.expires_at
    FROM environment e
    JOIN registry r ON r.environment_id = e.id AND r.state <> 'removed' AND r.state = 'active'
    JOIN credential c ON c.registry_id = r.id AND c.state = 'active' AND c.{_COUNTED}
    WHERE e.name = ? AND r.address = ?
    ORDER BY c.added DESC LIMIT 1"""  # noqa: S608 - made of constants

_STATES: Final = """
    SELECT r.state, c.username, c.state
    FROM environment e
    JOIN registry r ON r.environment_id = e.id AND r.state <> 'removed'
    LEFT JOIN credential c ON c.registry_id = r.id AND c.state <> 'removed'
    WHERE e.name = ? AND r.address = ?
    ORDER BY c.state = 'active' DESC, c.added DESC LIMIT 1"""

_ADD_ENVIRONMENT: Final = "INSERT INTO environment (name) VALUES (?) ON CONFLICT DO NOTHING"
_ENVIRONMENT: Final = "SELECT id FROM environment WHERE name = ?"

_ADD_REGISTRY: Final = """
    INSERT INTO registry (environment_id, address) VALUES (?, ?) ON CONFLICT DO NOTHING"""
_REGISTRY: Final = """
    SELECT id, state FROM registry
    WHERE environment_id = ? AND address = ? AND state <> 'removed'"""

_SAME_USER: Final = """
    SELECT id, state FROM credential
    WHERE registry_id = ? AND username = ? AND state <> 'removed'
    ORDER BY state = 'active' DESC, added DESC LIMIT 1"""
_NEXT: Final = f"""(
    SELECT coalesce(max(added), 0) + 1 FROM credential
    WHERE registry_id = :registry AND {_COUNTED})"""  # noqa: S608 - the same
_ADD: Final = f"""
    INSERT INTO credential (registry_id, added, username, secret, email, issued_at, expires_at)
    VALUES (:registry, {_NEXT}, :username, :secret, :email, :issued_at, :expires_at)"""  # noqa: S608 - the same
_RENEW: Final = f"""
    UPDATE credential SET
        added = {_NEXT},
        secret = :secret, email = :email, issued_at = :issued_at, expires_at = :expires_at,
        updated = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
    WHERE id = :id"""  # noqa: S608 - the same


_ACTIVE: Final = "active"
_ACTIVATE: Final = "activate or remove it, or take the registry out of the settings"


class SqliteStore:
    """A `Store` in a database file. Secrets are not sealed; the file is its owner's alone."""

    def __init__(self, database: Database) -> None:
        """Keep the registries in `database`."""
        self._database = database

    def find(self, environment: str, registry: str) -> StoredCredential | None:
        """Return the credential in use at `registry`, None if there is none."""
        return self.find_all(environment, (registry,)).get(registry)

    def find_all(
        self, environment: str, registries: Collection[str]
    ) -> Mapping[str, StoredCredential]:
        """Return the credentials in use at `registries`, leaving out those without one."""
        found = {}
        with self._database.reading() as connection:
            for registry in registries:
                row = connection.execute(_IN_USE, (environment, registry)).fetchone()
                what = f"the credential in use at registry {registry}"
                credential = row and self._database.decoded(what, _credential, row)
                if credential:
                    found[registry] = credential
        return found

    def obstacles(self, environment: str, registries: Collection[str]) -> Mapping[str, str]:
        """Return why nothing is in use on purpose at some of `registries`, and what to do."""
        found = {}
        with self._database.reading() as connection:
            for registry in registries:
                row = connection.execute(_STATES, (environment, registry)).fetchone()
                inactive = row and _inactive(environment, registry, *row)
                if inactive:
                    found[registry] = f"{inactive} is inactive: {_ACTIVATE}"
        return found

    def put(self, environment: str, credentials: Mapping[str, StoredCredential]) -> None:
        """Make each credential the one in use at its registry, all or none.

        A user's active credential is renewed in its row and comes first again,
        even if another user's was in use: whoever remembers the row stays
        supplied, and two users who take turns don't fill the disk.

        Raises `PermanentError` where a person has deactivated the registry, or
        this user's credential there.
        """
        if not credentials:
            return
        with self._database.writing() as connection:
            connection.execute(_ADD_ENVIRONMENT, (environment,))
            (home,) = connection.execute(_ENVIRONMENT, (environment,)).fetchone()
            for address, credential in credentials.items():
                connection.execute(_ADD_REGISTRY, (home, address))
                registry, state = connection.execute(_REGISTRY, (home, address)).fetchone()
                _refuse_inactive(state, _registry(environment, address))
                _put(connection, registry, address, credential)


def _put(
    connection: sqlite3.Connection, registry: int, address: str, credential: StoredCredential
) -> None:
    row = _row(credential) | {"registry": registry}
    same = connection.execute(_SAME_USER, (registry, credential.username)).fetchone()
    if same is None:
        connection.execute(_ADD, row)
        return
    number, state = same
    _refuse_inactive(state, _credential_of(credential.username, address))
    connection.execute(_RENEW, row | {"id": number})


def _inactive(
    environment: str, address: str, registry: str, username: str | None, credential: str | None
) -> str | None:
    """Return what is inactive by the states of a registry and of its first credential."""
    if registry != _ACTIVE:
        return _registry(environment, address)
    if credential not in (None, _ACTIVE):
        return _credential_of(username, address)
    return None


def _refuse_inactive(state: str, what: str) -> None:
    if state != _ACTIVE:
        raise PermanentError(f"{what} is inactive", hint=_ACTIVATE)


def _registry(environment: str, address: str) -> str:
    return f"registry {address} of environment {environment}"


def _credential_of(username: str | None, address: str) -> str:
    return f"the credential of {username} at registry {address}"


def _row(credential: StoredCredential) -> dict[str, object]:
    return {
        "username": credential.username,
        "secret": credential.secret.reveal().encode(),
        "email": credential.email,
        "issued_at": columns.from_moment(credential.issued_at),
        "expires_at": columns.from_expiry(credential.expires_at),
    }


def _credential(row: Sequence[Any]) -> StoredCredential:
    username, secret, email, issued_at, expires_at = row
    return StoredCredential(
        columns.to_text(username),
        Secret(columns.to_secret(secret)),
        columns.to_optional_text(email),
        columns.to_moment(issued_at),
        columns.to_expiry(expires_at),
    )
