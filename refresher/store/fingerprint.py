"""Fingerprints: they tell two secrets apart and give none away."""

import hmac
from typing import Final

from refresher.model.credential import Secret

KEY_BYTES: Final = 32
"""The length of a key: as long as the digest (RFC 2104, section 3)."""


def fingerprint(key: bytes, username: str, secret: Secret) -> bytes:
    """Return the HMAC-SHA256 of both under `key`.

    The user name goes in with its length before it, so that no two pairs run
    together into the same text.
    """
    # Text that is no valid Unicode has a fingerprint too, as every other text.
    name = username.encode(errors="surrogatepass")
    text = secret.reveal().encode(errors="surrogatepass")
    return hmac.digest(key, len(name).to_bytes(8, "big") + name + text, "sha256")
