"""From an address to sockets that listen on it."""

import errno
import os
import socket
from typing import Final

from refresher.model.listen import ListenAddress

_NO_SUCH_FAMILY: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_HINTS: Final = {
    errno.EADDRINUSE: (
        "something else listens there: end it, or set listen (or LISTEN_PORT) to another port"
    ),
    errno.EACCES: "ports below 1024 need a privilege: set listen (or LISTEN_PORT) to a higher one",
    errno.EADDRNOTAVAIL: "this host does not have that address: set listen to one that it has",
}


def bind(address: ListenAddress) -> list[socket.socket]:
    """Return a listening socket for each address that the host stands for.

    A name and "every address" stand for IPv4 and IPv6; the one that this host does not
    have is left out. Raises `OSError` if there is none, or one of them is taken.
    """
    found = socket.getaddrinfo(
        address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, _, _, _, where in dict.fromkeys(found):
        try:
            sockets.append(socket.create_server(where, family=family))
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                for each in sockets:
                    each.close()
                raise
            missing = error
    if missing is not None and not sockets:
        raise missing
    return sockets


def explain(error: OSError) -> tuple[str, str]:
    """Return why it was not possible to bind, and what to do."""
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or str(error), "set listen to a name or an address of this host"
    # The error's own words repeat the address in Python's notation.
    return os.strerror(error.errno), _HINTS.get(error.errno, "")
