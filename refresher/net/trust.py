"""Which certificate authorities to trust, besides those that a setting names."""

import os
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError

CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that may name a file of certificate authorities, the strongest first."""


def named_authorities(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables in `env` that name authorities, with their paths, the strongest first."""
    for name in CA_VARIABLES:
        if env.get(name):
            yield name, env[name]


def chosen(named: Iterable[tuple[str, Path]], env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the files of authorities in `named`, and the one that a variable in `env` names.

    Each comes with the setting or the variable that names it. Raises `PermanentError` for
    one that holds none.
    """
    usual = next(named_authorities(env), None)
    found = [(name, str(path)) for name, path in named] + ([usual] if usual else [])
    for name, path in found:
        if not holds_authorities(path):
            raise PermanentError(
                f"{name} names no certificate authorities that can be read: {path}{_why(path)}",
                hint=f"check {name}: it must name a PEM file, or a directory of them",
            )
    return found


def _why(path: str) -> str:
    if not os.path.lexists(path):
        return " does not exist"
    return "" if os.access(path, os.R_OK) else " may not be read by this user"


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
