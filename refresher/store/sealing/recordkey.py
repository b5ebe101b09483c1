"""The key of the fingerprints, as it stands in the database: sealed where secrets are.

Whoever has it could guess weak passwords by the fingerprints in the records.
"""

from typing import Final

from refresher.model.credential import Secret
from refresher.store.fingerprint import KEY_BYTES
from refresher.store.sealing.seal import SEALED, Seal

_PLACE: Final = ("", "the key of the fingerprints")
"""It belongs to no environment, and this is no address."""


def from_key(key: bytes, seal: Seal) -> bytes:
    """Return what to store of a key. Raises `PermanentError` as `Seal.seal` does."""
    stored = seal.seal(Secret(key.hex()), *_PLACE)
    return stored if stored.startswith(SEALED) else key


def to_key(stored: object, seal: Seal) -> bytes:
    """Return the key that was stored.

    Raises `PermanentError` as `Seal.open` does, and `ValueError` for what is no key.
    """
    if not isinstance(stored, bytes):
        raise ValueError(_PLACE[1])  # noqa: TRY004 - one error for all that is unreadable
    key = (
        bytes.fromhex(seal.open(stored, *_PLACE).reveal()) if stored.startswith(SEALED) else stored
    )
    if len(key) != KEY_BYTES:
        raise ValueError(KEY_BYTES)
    return key
