"""Why no connection came about. libpq tells it in words alone, without a code.

Those of libpq and of an English server are known here. A server that speaks
another language (lc_messages) is told from one that is away by what libpq says of
passwords.
"""

import re
from typing import Final

import psycopg

from refresher.errors import PermanentError, RefresherError, StoreError

_WHERE_IT_IS: Final = "set store_password_file, or PGPASSFILE, to a file with this user's password"
_AWAY: Final = "start the server, or correct host and port in store"
SLOTS: Final = (
    "raise max_connections, or the limit of the user or the database, or end other clients"
)
_PRIMARY: Final = "name the primary server, or every server"
_TRUST: Final = (
    "set sslrootcert to the certificate of the server's authority, host to the server's name"
)
_WHILE_STARTING: Final = (
    "starting up",
    "shutting down",
    "not yet accepting connections",
    "in recovery mode",
    "connection refused",
)
"""What passes within seconds when a server is restarted."""

_HEALED_BY_TIME: Final = (
    # Of several servers: that another one is away says less.
    ("session is read-only", "is read-only, as a standby server is", _PRIMARY),
    ("hot standby mode", "is read-only, as a standby server is", _PRIMARY),
    ("connection refused", "is away: nothing listens there", _AWAY),
    ("no such file or directory", "is away: there is no such socket", _AWAY),
    ("timeout expired", "gave no answer to a connection", "look at the server and the network"),
    ("starting up", "is starting up", "wait until it is done"),
    ("shutting down", "is shutting down", "start the server again"),
    ("not yet accepting", "is starting up", "wait until it is done"),
    ("in recovery mode", "recovers from a crash", "wait until it is done"),
    ("too many", "takes no more connections", SLOTS),
    ("slots are reserved", "takes no more connections", SLOTS),
    ("failed to resolve host", "is away: its host name is unknown", "look at name and DNS"),
    ("could not translate host", "is away: its host name is unknown", "look at name and DNS"),
)
_HEALED_BY_PEOPLE: Final = (
    ("no password supplied", "asks for a password, and there is none", _WHERE_IT_IS),
    ("password authentication failed", "refused this user's password", _WHERE_IT_IS),
    ("pg_hba.conf", "admits no such connection", "add this user and host to its pg_hba.conf"),
    ("authentication failed", "refused this user", "look at the server's pg_hba.conf"),
    ('database "" does not exist', "does not exist", "create the database, or correct store"),
    ('database "" is not currently', "is closed", "open the database to connections"),
    ("permission denied for database", "is closed to this user", "give the user CONNECT on it"),
    ('role "" does not exist', "has no such user", "create the user, or correct store"),
    ('role "" is not permitted', "does not let this user in", "give the user LOGIN"),
    ("permission denied", "can't be reached: its socket forbids it", "look at the socket's rights"),
    ("does not support ssl", "has no TLS, and sslmode demands it", "turn on ssl at the server"),
    ("certificate", "did not prove who it is, or refused our certificate", _TRUST),
    ("private key file", "can't be entered: sslkey can't be used", "chmod 600 the file of sslkey"),
)
_NAMES: Final = re.compile("\"[^\"]*\"|(?<=host )'[^']*'")


def is_starting(error: psycopg.Error) -> bool:
    """Tell whether a server that is restarted right now would give this error."""
    words = _words(error)
    return any(sign in words for sign in _WHILE_STARTING)


def why_refused(error: psycopg.Error, where: str) -> RefresherError:
    """Return what an error without a code means for the store at `where`."""
    words = _words(error)
    for sign, what, hint in _HEALED_BY_TIME:
        if sign in words:
            return StoreError(f"the store {where} {what}", hint=hint)
    for sign, what, hint in _HEALED_BY_PEOPLE:
        if sign in words:
            return PermanentError(f"the store {where} {what}", hint=hint)
    if error.pgconn is not None and error.pgconn.needs_password:
        what = "asks for a password, and there is none that fits"
        return PermanentError(f"the store {where} {what}", hint=_WHERE_IT_IS)
    return StoreError(
        f"the store {where} did not let us in, or ended the connection",
        hint="look at the server's log; psql with the same URL tells more",
    )


def _words(error: psycopg.Error) -> str:
    # Hosts, users and databases have names of every kind.
    return _NAMES.sub('""', str(error)).lower()
