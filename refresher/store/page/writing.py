"""What is written of a credential, in a transaction that is open."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.registered import Preference, RowState
from refresher.ports import StoredCredential
from refresher.store.columns import from_moment, to_stored
from refresher.store.page import credentialrows
from refresher.store.page.registryrows import RegistryRow
from refresher.store.sealing.seal import KEYLESS, SEALED, Plain, Seal
from refresher.store.session import Session

_ADD: Final = """
    INSERT INTO credential (
        registry_id, added, state, username, secret, email, issued_at, expires_at, created, updated)
    VALUES (
        :registry, :added, 'active', :username, :secret, :email, :issued_at, :expires_at,
        :now, :now)
    RETURNING id"""
_COLUMNS: Final = ("added", "state", "username", "secret", "email", "issued_at", "expires_at")
_STORED: Final = "SELECT secret FROM credential WHERE id = :id"
_SEALED: Final = """
    SELECT value FROM fingerprint_key WHERE substr(value, 1, :length) = :mark
    UNION ALL
    SELECT secret FROM (
        SELECT secret FROM credential WHERE state <> 'removed' ORDER BY id DESC LIMIT 1) AS last
    WHERE substr(secret, 1, :length) = :mark"""
_REMOVE_ALL: Final = """
    UPDATE credential SET state = 'removed', secret = :nothing, updated = :now
    WHERE registry_id = :registry"""
_NOTHING: Final = b""


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction, what seals the secrets in it, and the moment that it is dated with."""

    session: Session
    seal: Seal
    now: datetime

    def add(
        self, registry: RegistryRow, credential: StoredCredential, preference: Preference
    ) -> int:
        """Add an active credential, before all others by `preference`; return its id.

        Raises `PermanentError` without a key where other secrets are sealed.
        """
        if isinstance(self.seal, Plain):
            self._expect_plain()
        row = {
            **credentialrows.values(credential),
            "registry": registry.id,
            "added": credentialrows.next_place(self.session, registry.id, preference),
            "secret": self._sealed(registry, credential.secret),
            "now": from_moment(self.now),
        }
        (number,) = self.session.execute(_ADD, row).fetchone() or (0,)
        return int(number)

    def replace(
        self,
        registry: RegistryRow,
        number: int,
        changes: Mapping[str, object],
        secret: Secret | None = None,
    ) -> None:
        """Change some columns of a credential, and its secret if there is a new one.

        Raises `PermanentError` if the old secret is sealed and can't be opened: whoever
        lost the key would lose the secret too.
        """
        new = dict(changes)
        if secret is not None:
            self._expect_key(registry, number)
            new["secret"] = self._sealed(registry, secret)
        names = [name for name in _COLUMNS if name in new]
        assignments = "".join(f"{name} = :{name}, " for name in names)
        self.session.execute(
            f"UPDATE credential SET {assignments}updated = :now WHERE id = :id",  # noqa: S608 - ours
            {**new, "id": number, "now": from_moment(self.now)},
        )

    def set_state(self, registry: RegistryRow, number: int, state: RowState) -> None:
        """Give a credential a state; with its removal its secret is erased."""
        erased = {"secret": _NOTHING} if state is RowState.REMOVED else {}
        self.replace(registry, number, {"state": str(state), **erased})

    def remove_all(self, registry: RegistryRow) -> None:
        """Remove all credentials of a registry, and erase their secrets."""
        row = {"registry": registry.id, "nothing": _NOTHING, "now": from_moment(self.now)}
        self.session.execute(_REMOVE_ALL, row)

    def _sealed(self, registry: RegistryRow, secret: Secret) -> bytes:
        return self.seal.seal(secret, registry.environment, registry.address)

    def _expect_plain(self) -> None:
        mark = {"mark": SEALED, "length": len(SEALED)}
        if self.session.execute(_SEALED, mark).fetchone():
            raise PermanentError(
                "the secrets of the store are sealed, and no key is configured for a new one",
                hint=KEYLESS,
            )

    def _expect_key(self, registry: RegistryRow, number: int) -> None:
        (stored,) = self.session.execute(_STORED, {"id": number}).fetchone() or (_NOTHING,)
        # What can't be read with any key is repaired by being overwritten.
        with suppress(ValueError):
            self.seal.open(to_stored(stored), registry.environment, registry.address)
