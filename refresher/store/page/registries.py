"""The registry page over a database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from refresher.errors import PermanentError
from refresher.model import transitions
from refresher.model.credential import Secret
from refresher.model.pageaddress import look_up, read
from refresher.model.registered import (
    Environment,
    Preference,
    Registered,
    RegisteredCredential,
    RowState,
)
from refresher.model.resolving import Unresolved
from refresher.model.whitelist import accept
from refresher.ports import StoredCredential
from refresher.ports.registries import Resolved
from refresher.store.page import environments, registryrows, settingrows
from refresher.store.page.editing import edited, refuse_unusable
from refresher.store.page.reading import PageReading
from refresher.store.page.registryrows import RegistryRow
from refresher.store.page.resolving import resolve
from refresher.store.page.writing import Writing
from refresher.store.registries import utc_now
from refresher.store.sealing.seal import Plain, Seal
from refresher.store.session import Database, Session


class SqlRegistries:
    """`Registries` in a database. `seal` seals the secrets; `now` dates what is written."""

    def __init__(
        self, database: Database, seal: Seal | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Keep the registries in `database`, with plain secrets if there is no seal."""
        self._database = database
        self._seal = seal or Plain()
        self._now = now
        self._reading = PageReading(database, self._seal)

    def environments(self) -> Sequence[Environment]:
        """Return all environments by name; `default` is always one of them."""
        with self._database.reading() as session:
            return self._reading.environments(session)

    def add_environment(self, name: str) -> Environment:
        """Add an environment. Raises `PermanentError` for a name that is taken or is none."""
        with self._database.writing() as session:
            return environments.add(session, name, self._now())

    def remove_environment(self, name: str) -> None:
        """Remove an environment that holds no registry, or only removed ones, and these with it."""
        with self._database.writing() as session:
            environments.remove(session, name)

    def registries(self, environment: str, *, removed: bool = False) -> Sequence[Registered]:
        """Return the registries of an environment by address; `removed` ones too if asked."""
        with self._database.reading() as session:
            home = environments.known(session, environment)
            return self._reading.registries(session, home, removed=removed)

    def registry(self, environment: str, address: str) -> Registered:
        """Return the registry with all its credentials that are not removed."""
        with self._database.reading() as session:
            return self._reading.registered(session, _present(session, environment, address))

    def add_registry(
        self, environment: str, address: str, credential: StoredCredential | None = None
    ) -> Registered:
        """Add an active registry, a first credential with it, and the environment if missing."""
        host = read(address).address
        with self._database.writing() as session:
            writing = self._writing(session)
            home = environments.supplied(session, environment, writing.now)
            there = registryrows.find(session, home, host)
            if there:
                raise _taken(there)
            row = registryrows.add(session, home, host, writing.now)
            if credential:
                _add(writing, row, credential)
            return self._reading.registered(session, row)

    def set_registry(self, environment: str, address: str, state: RowState) -> Registered:
        """Activate, deactivate or remove a registry, and with it its credentials."""
        with self._database.writing() as session:
            home = environments.known(session, environment)
            row = registryrows.latest(session, home, look_up(address))
            if transitions.changes(str(row), row.state, state):
                row = registryrows.set_state(session, row, state)
                if state is RowState.REMOVED:
                    self._writing(session).remove_all(row)
            return self._reading.registered(session, row)

    def add_credential(
        self, environment: str, address: str, credential: StoredCredential
    ) -> RegisteredCredential:
        """Add an active credential, which is the most recently added one from now on."""
        with self._database.writing() as session:
            row = _present(session, environment, address)
            number = _add(self._writing(session), row, credential)
            return self._reading.credential(session, row, number)

    def edit_credential(
        self,
        environment: str,
        address: str,
        number: int,
        *,
        username: str | None = None,
        email: str | None = None,
        secret: Secret | None = None,
    ) -> RegisteredCredential:
        """Change what is given in the row of a credential; its age stays."""
        with self._database.writing() as session:
            row = _present(session, environment, address)
            there = self._reading.credential(session, row, number)
            if there.state is RowState.REMOVED:
                raise transitions.removed(f"credential {number} at {row}")
            changes = edited(there, row.address, username, email, secret)
            if changes:
                self._writing(session).replace(row, number, changes, secret)
            return self._reading.credential(session, row, number)

    def set_credential(
        self, environment: str, address: str, number: int, state: RowState
    ) -> RegisteredCredential:
        """Activate, deactivate or remove a credential; the secret of a removed one is erased."""
        with self._database.writing() as session:
            row = _present(session, environment, address)
            there = self._reading.credential(session, row, number)
            if transitions.changes(f"credential {number} at {row}", there.state, state):
                self._writing(session).set_state(row, number, state)
            return self._reading.credential(session, row, number)

    def settings(self) -> Mapping[str, str]:
        """Return the settings that are set, by name."""
        with self._database.reading() as session:
            return settingrows.load(session)

    def set_setting(self, name: str, value: str) -> None:
        """Set a setting; an empty value is its default. Raises as `whitelist.accept` does."""
        accepted = accept(name, value)
        with self._database.writing() as session:
            settingrows.save(session, name, accepted.value)

    def resolve(self, image: str, environment: str, now: datetime) -> Resolved | Unresolved:
        """Return what `docker run image` would pull with at `now`, or why with nothing."""
        with self._database.reading() as session:
            return resolve(session, self._reading, image, environment, now)

    def _writing(self, session: Session) -> Writing:
        return Writing(session, self._seal, self._now())


def _add(writing: Writing, row: RegistryRow, credential: StoredCredential) -> int:
    refuse_unusable(credential, row.address)
    return writing.add(row, credential, Preference.NEWEST)


def _present(session: Session, environment: str, address: str) -> RegistryRow:
    home = environments.known(session, environment)
    return registryrows.present(session, home, look_up(address))


def _taken(there: RegistryRow) -> PermanentError:
    inactive = "" if there.state == RowState.ACTIVE else ", and is inactive"
    return PermanentError(
        f"{there} is there already{inactive}",
        hint="add a credential to it by `refresher registry credential add`",
    )
