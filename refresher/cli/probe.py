"""Ask a daemon on this host for its health, where its records are in its memory alone."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from refresher.model.listen import ListenAddress

_SECONDS: Final = 5.0
_NEAREST: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where others bind
"""Where to find who listens on every address."""


def readiness(address: ListenAddress) -> str:
    """Return what keeps the daemon that listens at `address` from being ready, "" if nothing does.

    One that does not answer is not ready.
    """
    host = _NEAREST.get(address.host, address.host)
    connection = HTTPConnection(host, address.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        lines = answer.read().decode(errors="replace").splitlines()
    except (OSError, HTTPException):
        return f"no daemon answers at {address}"
    finally:
        connection.close()
    if answer.status == HTTPStatus.OK:
        return ""
    return f"{len(lines)} provider(s) need attention"
