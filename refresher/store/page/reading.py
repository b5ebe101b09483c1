"""The rows of the registry page, read as the values that people see."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.registered import Environment, Registered, RegisteredCredential, RowState
from refresher.ports import StoredCredential
from refresher.store.columns import to_date, to_state, to_stored, to_text
from refresher.store.page import credentialrows, environments, registryrows
from refresher.store.page.environments import Home
from refresher.store.page.registryrows import RegistryRow
from refresher.store.sealing.seal import Seal
from refresher.store.session import Database, Row, Session

_LAST: Final = 2**63 - 1
"""The largest number that a row can have."""

_STORED: Final = "SELECT secret FROM credential WHERE id = :id"


@dataclass(frozen=True, slots=True)
class PageReading:
    """How rows are read: through a database that tells of unreadable ones, and leaves them out."""

    database: Database
    seal: Seal

    def environments(self, session: Session) -> list[Environment]:
        """Return all environments by name."""
        rows = session.execute(environments.ALL).fetchall()
        found = (self._decoded_environment(row) for row in rows)
        return sorted((each for each in found if each), key=lambda each: each.name)

    def registries(self, session: Session, home: Home, *, removed: bool) -> list[Registered]:
        """Return the registries of an environment by address, `removed` ones too if asked."""
        place = {"environment": home.id}
        credentials: defaultdict[object, list[Row]] = defaultdict(list)
        for registry, *row in session.execute(credentialrows.OF_ENVIRONMENT, place):
            credentials[registry].append(row)
        rows = (RegistryRow(home.name, *row) for row in session.execute(registryrows.ALL, place))
        found = (
            self._decoded(row, credentials[row.id])
            for row in rows
            if removed or row.state != RowState.REMOVED
        )
        return sorted((each for each in found if each), key=_by_address)

    def registered(self, session: Session, row: RegistryRow) -> Registered:
        """Return a registry with its credentials. Raises `PermanentError` if it can't be read."""
        credentials = session.execute(credentialrows.OF_REGISTRY, {"registry": row.id}).fetchall()
        found = self._decoded(row, credentials)
        if found is None:
            raise _unreadable(str(row))
        return found

    def credential(
        self, session: Session, registry: RegistryRow, number: int
    ) -> RegisteredCredential:
        """Return a credential of a registry by its id, also a removed one.

        Raises `PermanentError` if the registry has none of that id, or it can't be read.
        """
        row = session.execute(
            credentialrows.ONE, {"registry": registry.id, "id": min(number, _LAST)}
        ).fetchone()
        if row is None:
            raise PermanentError(
                f"{registry} has no credential {number}",
                hint="`refresher registry show` lists what it has",
            )
        found = self._decoded_credential(row, str(registry))
        if found is None:
            raise _unreadable(f"credential {number} at {registry}")
        return found

    def stored(
        self, session: Session, home: Home, address: str, credential: RegisteredCredential
    ) -> StoredCredential | None:
        """Return a credential at `address` with its secret, None if that can't be read."""
        row = session.execute(_STORED, {"id": credential.id}).fetchone()

        def decode(row: Row) -> Secret:
            return self.seal.open(to_stored(row[0]), home.name, address)

        what = f"the credential in use at registry {address}"
        secret = self.database.decoded(what, decode, row) if row else None
        if secret is None:
            return None
        return StoredCredential(
            credential.username,
            secret,
            credential.email,
            credential.issued_at,
            credential.expires_at,
        )

    def _decoded(self, row: RegistryRow, credentials: Iterable[Row]) -> Registered | None:
        found = (self._decoded_credential(each, str(row)) for each in credentials)
        readable = tuple(each for each in found if each)

        def decode(_: Row) -> Registered:
            return Registered(
                row.id,
                row.environment,
                to_text(row.address),
                to_state(row.state),
                to_date(row.created),
                readable,
            )

        return self.database.decoded(str(row), decode, ())

    def _decoded_credential(self, row: Row, registry: str) -> RegisteredCredential | None:
        what = f"credential {row[0]} at {registry}"
        return self.database.decoded(what, credentialrows.registered, row)

    def _decoded_environment(self, row: Row) -> Environment | None:
        return self.database.decoded("an environment", environments.environment, row)


def _by_address(registered: Registered) -> tuple[str, int]:
    return registered.address.lower(), registered.id


def _unreadable(what: str) -> PermanentError:
    return PermanentError(
        f"{what} can't be read: somebody edited its row", hint="repair the row, or delete it"
    )
