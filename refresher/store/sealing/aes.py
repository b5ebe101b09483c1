"""Secrets sealed with AES-256-GCM, each for its row.

    refresher:sealed:1:1f0c9a3e:BASE64 of nonce, encrypted text and tag

The number is the version of this form, the eight digits are the id of the key. What
stands before the last colon, the environment and the address in lower case are the
associated data: a value that is moved to another row does not open there. Nonces are
96 random bits, good for 2^32 values under one key (NIST SP 800-38D, section 8.3).
"""

import base64
import binascii
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.store.sealing.keyfile import SETTING, Key, KeyFile
from refresher.store.sealing.seal import SEALED, Plain, named

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = b"1:"
_NONCE: Final = 12
_TAG: Final = 16
_DAMAGED: Final = "the sealed value is damaged, or was moved here from another row"


class Sealing:
    """A `Seal` with the keys of a file: the first one seals, all of them open.

    Plain secrets open as they are. Nothing is read, and no cryptography is
    loaded, before the first secret needs it.
    """

    def __init__(self, file: KeyFile, draw: Callable[[int], bytes] = os.urandom) -> None:
        """Take the file of the keys, and what gives random bytes."""
        self.file = file
        self._draw = draw
        self._plain = Plain()

    def seal(self, secret: Secret, environment: str, address: str) -> bytes:
        """Return the secret, sealed for one address of one environment.

        Raises `PermanentError` if the keys can't be read, or for a secret that is no text.
        """
        first = self.file.read()[0]
        head, nonce = _head(first), self._draw(_NONCE)
        place = _associated(head, environment, address)
        body = _cipher(first).encrypt(nonce, _text(secret), place)
        return head + base64.b64encode(nonce + body)

    def open(self, stored: bytes, environment: str, address: str) -> Secret:
        """Return the secret that was sealed for this address, or stored plain.

        Raises `PermanentError` if the keys can't be read or none of them sealed it, and
        `ValueError` if it was damaged, or sealed for another address or environment.
        """
        if not stored.startswith(SEALED):
            return self._plain.open(stored, environment, address)
        key = self._key_of(stored, environment, address)
        head = _head(key)
        body = _body(stored.removeprefix(head))
        place = _associated(head, environment, address)
        return Secret(_opened(key, body, place).decode())

    def is_current(self, stored: bytes) -> bool:
        """Tell whether the first key sealed it. Raises `PermanentError` as `seal` does."""
        return stored.startswith(_head(self.file.read()[0]))

    def _key_of(self, stored: bytes, environment: str, address: str) -> Key:
        whose = named(environment, address)
        if not stored.startswith(SEALED + _VERSION):
            raise PermanentError(
                f"{whose} was sealed by a newer version of refresher", hint="run that version"
            )
        for key in self.file.read():
            if stored.startswith(_head(key)):
                return key
        raise PermanentError(
            f"{whose} was sealed with a key that {SETTING} {self.file.path} does not hold",
            hint="add the key that it was sealed with to the file, below the first line",
        )


def _head(key: Key) -> bytes:
    return SEALED + _VERSION + key.id.encode() + b":"


def _associated(head: bytes, environment: str, address: str) -> bytes:
    # With its length before it: no two pairs run together into the same text.
    name = environment.encode(errors="surrogatepass")
    return head + len(name).to_bytes(8, "big") + name + address.lower().encode()


def _text(secret: Secret) -> bytes:
    with suppress(UnicodeEncodeError):
        return secret.reveal().encode()
    # Out here: the error of the codec carries the secret, and must not be the context of ours.
    raise PermanentError(
        "the store can't hold text that is no valid Unicode",
        hint="write the value again, in UTF-8",
    )


def _body(text: bytes) -> bytes:
    try:
        body = base64.b64decode(text, validate=True)
    except binascii.Error:
        body = b""
    # Base64 has several spellings of the same bytes; one of them was written.
    if len(body) < _NONCE + _TAG or base64.b64encode(body) != text:
        raise ValueError(_DAMAGED)
    return body


def _opened(key: Key, body: bytes, place: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as for the cipher

    try:
        return bytes(_cipher(key).decrypt(body[:_NONCE], body[_NONCE:], place))
    except InvalidTag:
        raise ValueError(_DAMAGED) from None


def _cipher(key: Key) -> "AESGCM":
    # 25 ms, which only those pay who have a key.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key.raw())
