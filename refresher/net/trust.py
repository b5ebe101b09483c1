"""Which certificate authorities to trust, besides those that a setting names."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that may name a file of certificate authorities, the strongest first."""


def named_authorities(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables in `env` that name authorities, with their paths, the strongest first."""
    for name in CA_VARIABLES:
        if env.get(name):
            yield name, env[name]


def holds_authorities(path: str) -> bool:
    """Tell whether `path` is a file of certificate authorities that can be read, or a directory.

    requests would find out late, and call it a failed connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        elif Path(path).is_file():  # A pipe would be waited for.
            context.load_verify_locations(cafile=path)
        else:
            return False
    except (OSError, ValueError):
        return False
    return True
