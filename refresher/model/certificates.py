"""Certificates in PEM files, compared by what they are and not by how they are written."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

# RFC 7468, section 5. Go, and so docker and podman, reads blocks of this name alone.
_BLOCK: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)


def certificates(pem: bytes) -> frozenset[bytes]:
    """Return the certificates in a PEM file, each in DER; what is none is skipped."""
    return frozenset(_decoded(pem))


def _decoded(pem: bytes) -> Iterator[bytes]:
    for block in _BLOCK.findall(pem):
        try:
            yield base64.b64decode(b"".join(block.split()), validate=True)
        except binascii.Error:
            continue
