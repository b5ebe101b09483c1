"""How a connection to the server is made."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from refresher.errors import PermanentError
from refresher.secretfile import secret_from_file
from refresher.store.postgres.connection import Connection

_DEFAULTS: Final[Mapping[str, int]] = {
    # A connection that is silent because the way is cut is given up as fast as a request.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_VERIFIED: Final = frozenset({"verify-ca", "verify-full"})
_SEVERAL: Final = ","
_LONGEST_NAME: Final = 63
"""Bytes of an application's name (NAMEDATALEN - 1)."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a server, by a URL that `serverurl` finds right.

    `password_file` is read for each connection, so that a password can be changed.
    Without it libpq looks where it always does: PGPASSWORD, PGPASSFILE, ~/.pgpass.
    """

    url: str
    password_file: Path | None = None

    @property
    def name(self) -> str:
        """Return user, host and database as messages name them."""
        given = self._given()
        user = f"{given['user']}@" if "user" in given else ""
        hosts = given.get("host", given.get("hostaddr", "")).split(_SEVERAL)
        ports = given.get("port", "").split(_SEVERAL)
        # One port is for all hosts; a host without one has the default.
        places = zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=False)
        where = _SEVERAL.join(f"{host}:{port}" if port else host for host, port in places)
        return f"postgresql://{user}{where}/{given.get('dbname', '')}"

    def connect(self, timeout: float) -> Connection:
        """Return a new connection, for which each host has `timeout` seconds, 2 at least.

        Raises `psycopg.Error`, and `PermanentError` for a password file that can't be read.
        """
        given = self._given()
        ours: dict[str, str | int] = {
            "application_name": signature(os.getpid(), os.uname().nodename),
            "client_encoding": "utf8",
        }
        if self.password_file is not None:
            secret = secret_from_file(self.password_file, "store_password_file")
            ours["password"] = secret.reveal()
        if _SEVERAL in given.get("host", ""):
            # A standby has neither room for a write nor the locks of its primary.
            ours["target_session_attrs"] = "read-write"
        conninfo = make_conninfo(
            "", **{**_DEFAULTS, "connect_timeout": max(round(timeout), 2), **ours, **given}
        )
        try:
            return Connection.connect(conninfo, autocommit=True)
        except UnicodeError:
            # Python looks hosts up by their IDNA names, and not every text has one.
            raise PermanentError(
                f"the store {self.name} names a host that can be none", hint="correct store"
            ) from None

    def _given(self) -> dict[str, str]:
        try:
            given = conninfo_to_dict(self.url)
        except psycopg.ProgrammingError:
            # Without libpq's words, which quote the URL.
            raise PermanentError(
                "store is a URL that libpq does not take",
                hint="write postgresql://user@host/database",
            ) from None
        return {name: str(value) for name, value in given.items() if value is not None}


def signature(process: int, host: str) -> str:
    """Return the name under which a process is seen in pg_stat_activity."""
    return f"refresher {process} {host}"[:_LONGEST_NAME]


def exposure(connection: Connection) -> str:
    """Return how others on the way could read what is stored, nothing if they can't."""
    info = connection.info
    mode = info.get_parameters().get("sslmode", "")
    return risk(info.host, info.hostaddr, mode, encrypted=connection.pgconn.ssl_in_use)


def risk(host: str, address: str, mode: str, *, encrypted: bool) -> str:
    """Return what others could do by a connection's host, its IP address and its sslmode."""
    if host.startswith(("/", "@")) or _is_loopback(address):
        return ""
    if not encrypted:
        return "is not encrypted: others on the way can read the credentials"
    if mode not in _VERIFIED:
        return "is encrypted, but any server would be taken for this one"
    return ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
