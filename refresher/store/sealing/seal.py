"""How a secret stands in the database: sealed, or plain."""

from typing import Final, Protocol

from refresher.errors import PermanentError
from refresher.model.credential import Secret

SEALED: Final = b"refresher:sealed:"
"""What every sealed value begins with, before its version. No plain one does: see `Plain`."""


KEYLESS: Final = "set store_key_file (or REFRESHER_STORE_KEY_FILE) to the file of the key"
"""What to do where a key is needed and none is configured."""


class Seal(Protocol):
    """Turns secrets into what is stored, and back.

    What is stored belongs to one environment and one address of any case: moved
    to another row by hand, it does not open.
    """

    def seal(self, secret: Secret, environment: str, address: str) -> bytes:
        """Return what to store of `secret`.

        Raises `PermanentError` if that can't be done.
        """
        ...

    def open(self, stored: bytes, environment: str, address: str) -> Secret:
        """Return the secret that was stored, sealed or plain.

        Raises `PermanentError` that names the key file, or the setting of one, for
        what can't be opened, `ValueError` for what was never written here.
        """
        ...


class Plain:
    """A `Seal` without a key: secrets are stored as they are, in UTF-8."""

    def seal(self, secret: Secret, _environment: str, _address: str, /) -> bytes:
        """Return the secret's bytes.

        Raises `PermanentError` for a secret that would be taken for a sealed one.
        """
        plain = secret.reveal().encode()
        if plain.startswith(SEALED):
            raise PermanentError(
                "a secret begins as sealed ones do in the store, and can't be stored plain",
                hint="set store_key_file, so that it is sealed",
            )
        return plain

    def open(self, stored: bytes, environment: str, address: str) -> Secret:
        """Return the plain secret.

        Raises `PermanentError` for a sealed one, `ValueError` for bytes that are no text.
        """
        if stored.startswith(SEALED):
            raise PermanentError(
                f"{named(environment, address)} is sealed, and no key is configured",
                hint=KEYLESS,
            )
        return Secret(stored.decode())


def named(environment: str, address: str) -> str:
    """Return what people call the secret at an address; without an environment, the thing itself.

    Such a thing is no credential: no environment has an empty name.
    """
    if not environment:
        return address
    return f"the secret of registry {address} of environment {environment}"
