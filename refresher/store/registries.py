"""The registry store in a database, as the engine uses it."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from refresher.errors import PermanentError
from refresher.model.pageaddress import spelled
from refresher.model.registered import Preference, RowState
from refresher.ports import StoredCredential
from refresher.store import columns
from refresher.store.page import environments, registryrows, settingrows
from refresher.store.page.credentialrows import COUNTED, ORDERS, next_place, values
from refresher.store.page.environments import Home
from refresher.store.page.registryrows import RegistryRow
from refresher.store.page.writing import Writing
from refresher.store.sealing.seal import Plain, Seal
from refresher.store.session import Database, Row

# Both conditions on the registry's state are needed: see `registryrows`.
_IN_USE: Final = {
    preference: f"""
    SELECT c.username, c.secret, c.email, c.issued_at, c.expires_at
    FROM environment e
    JOIN registry r ON r.environment_id = e.id AND r.state <> 'removed' AND r.state = 'active'
    JOIN credential c ON c.registry_id = r.id AND c.state = 'active' AND c.{COUNTED}
    WHERE e.name = :environment AND lower(r.address) = lower(:address)
    ORDER BY c.added {order} LIMIT 1"""  # noqa: S608 - made of constants
    for preference, order in ORDERS.items()
}

_STATES: Final = """
    SELECT r.state, c.username, c.state
    FROM environment e
    JOIN registry r ON r.environment_id = e.id AND r.state <> 'removed'
    LEFT JOIN credential c ON c.registry_id = r.id AND c.state <> 'removed'
    WHERE e.name = :environment AND lower(r.address) = lower(:address)
    ORDER BY CASE c.state WHEN 'active' THEN 0 ELSE 1 END, c.added DESC LIMIT 1"""

_FIRST: Final = {
    preference: f"""
    SELECT id FROM credential
    WHERE registry_id = :registry AND state = 'active' AND {COUNTED}
    ORDER BY added {order} LIMIT 1"""  # noqa: S608 - the same
    for preference, order in ORDERS.items()
}
_SAME_USER: Final = {
    preference: f"""
    SELECT id, state FROM credential
    WHERE registry_id = :registry AND username = :username AND state <> 'removed'
    ORDER BY CASE state WHEN 'active' THEN 0 ELSE 1 END, added {order} LIMIT 1"""  # noqa: S608 - the same
    for preference, order in ORDERS.items()
}

_ACTIVATE: Final = "activate or remove it, or take the registry out of the settings"


def utc_now() -> datetime:
    """Return the moment that is now."""
    return datetime.now(UTC)


class SqlStore:
    """A `Store` in a database. `seal` seals the secrets; `now` dates what is written."""

    def __init__(
        self, database: Database, seal: Seal | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Keep the registries in `database`, with plain secrets if there is no seal."""
        self._database = database
        self._seal = seal or Plain()
        self._now = now

    def find(self, environment: str, registry: str) -> StoredCredential | None:
        """Return the credential in use at `registry`, None if there is none."""
        return self.find_all(environment, (registry,)).get(registry)

    def find_all(
        self, environment: str, registries: Collection[str]
    ) -> Mapping[str, StoredCredential]:
        """Return the credentials in use at `registries`, leaving out those without one."""
        found = {}
        with self._database.reading() as session:
            statement = _IN_USE[settingrows.preference(session)]
            for registry in registries:
                address = spelled(registry)
                row = session.execute(
                    statement, {"environment": environment, "address": address}
                ).fetchone()
                credential = row and self._credential(environment, address, row)
                if credential:
                    found[registry] = credential
        return found

    def obstacles(self, environment: str, registries: Collection[str]) -> Mapping[str, str]:
        """Return why nothing is in use on purpose at some of `registries`, and what to do."""
        found = {}
        with self._database.reading() as session:
            for registry in registries:
                place = {"environment": environment, "address": spelled(registry)}
                row = session.execute(_STATES, place).fetchone()
                inactive = row and _inactive(*place.values(), *row)
                if inactive:
                    found[registry] = f"{inactive} is inactive: {_ACTIVATE}"
        return found

    def put(self, environment: str, credentials: Mapping[str, StoredCredential]) -> None:
        """Make each credential the one in use at its registry, all or none.

        A user's active credential is renewed in its row and comes first, even if
        another user's was in use: whoever remembers the row stays supplied, and two
        users who take turns don't fill the disk.

        Raises `PermanentError` where a person has deactivated the registry, or
        this user's credential there.
        """
        if not credentials:
            return
        with self._database.writing() as session:
            writing = Writing(session, self._seal, self._now())
            preference = settingrows.preference(session)
            home = environments.supplied(session, environment, writing.now)
            for registry, credential in credentials.items():
                row = _supplied(writing, home, spelled(registry))
                _refuse_inactive(row.state, str(row))
                _put(writing, row, credential, preference)

    def _credential(self, environment: str, address: str, row: Row) -> StoredCredential | None:
        def decode(row: Row) -> StoredCredential:
            username, secret, email, issued_at, expires_at = row
            return StoredCredential(
                columns.to_text(username),
                self._seal.open(columns.to_stored(secret), environment, address),
                columns.to_optional_text(email),
                columns.to_moment(issued_at),
                columns.to_expiry(expires_at),
            )

        what = f"the credential in use at registry {address}"
        return self._database.decoded(what, decode, row)


def _supplied(writing: Writing, home: Home, address: str) -> RegistryRow:
    row = registryrows.find(writing.session, home, address)
    return row or registryrows.add(writing.session, home, address, writing.now)


def _put(
    writing: Writing, registry: RegistryRow, credential: StoredCredential, preference: Preference
) -> None:
    session = writing.session
    place = {"registry": registry.id, "username": credential.username}
    same = session.execute(_SAME_USER[preference], place).fetchone()
    if same is None:
        writing.add(registry, credential, preference)
        return
    number, state = same
    _refuse_inactive(state, _credential_of(credential.username, registry.address))
    changes = values(credential)
    first = session.execute(_FIRST[preference], place).fetchone()
    if first is None or first[0] != number:
        changes["added"] = next_place(session, registry.id, preference)
    writing.replace(registry, number, changes, credential.secret)


def _inactive(
    environment: str, address: str, registry: str, username: str | None, credential: str | None
) -> str | None:
    """Return what is inactive by the states of a registry and of its first credential."""
    if registry != RowState.ACTIVE:
        return registryrows.named(environment, address)
    if credential not in (None, RowState.ACTIVE):
        return _credential_of(username, address)
    return None


def _refuse_inactive(state: str, what: str) -> None:
    if state != RowState.ACTIVE:
        raise PermanentError(f"{what} is inactive", hint=_ACTIVATE)


def _credential_of(username: str | None, address: str) -> str:
    return f"the credential of {username} at registry {address}"
