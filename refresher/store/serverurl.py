"""URLs of PostgreSQL servers: what they may be, as far as it can be told without a server.

libpq gives the rules
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS),
with one less: a URL stands in settings files and in messages, so it holds no password.
"""

import re
from collections.abc import Iterator
from typing import Final

from refresher.model.nearest import nearest

_SCHEMES: Final = ("postgresql://", "postgres://")

_SECRETS: Final = frozenset({"password", "sslpassword"})

_PARAMETERS: Final = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "passfile", "service", "options"),
        *("connect_timeout", "target_session_attrs", "load_balance_hosts", "require_auth"),
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "channel_binding", "krbsrvname", "gsslib", "gssencmode"),
        *("gssdelegation", "sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey"),
        *("sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("min_protocol_version", "max_protocol_version"),
    }
)
"""What a URL may set. The rest of libpq's is set here, or would change what statements mean."""

_SSL_MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})

_HOST: Final = re.compile(r"(?:\[[0-9A-Za-z:.%_-]+\]|[^\[\]:]*)(?::[0-9]{0,5})?")
_ENCODED: Final = re.compile(r"(?:[^%]|%(?!00)[0-9A-Fa-f]{2})*")
_UNSPEAKABLE: Final = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")

_NOT_HERE: Final = (
    "holds a password: put it into a file, and the path of that to store_password_file"
)


def is_server(location: str) -> bool:
    """Tell whether a location names a PostgreSQL server."""
    return location.startswith(_SCHEMES)


def server_defect(url: str) -> str:
    """Return what is wrong with the URL of a server, nothing if it may be right.

    Nothing of the URL is repeated: whatever is in the wrong place may be a password.
    """
    place, _, query = url.partition("://")[2].partition("?")
    authority, _, database = place.partition("/")
    user, at, hosts = authority.rpartition("@")
    parameters = [part.partition("=")[::2] for part in query.split("&") if part]
    if ":" in user or any(name in _SECRETS for name, _ in parameters):
        return _NOT_HERE
    if _UNSPEAKABLE.search(url) or not _ENCODED.fullmatch(url):
        return "has a space, a control character or a lone % in its URL: write it as %20, %25"
    if "@" in user + database or "/" in database or (at and not user):
        return "has a user or a database with @ or / in its name: write them as %40 and %2F"
    if not all(_HOST.fullmatch(host) for host in hosts.split(",")):
        return "has a host or a port that is none: write postgresql://user@host:5432/database"
    return next(_parameter_defects(parameters), "")


def _parameter_defects(parameters: list[tuple[str, str]]) -> Iterator[str]:
    for name, value in parameters:
        if name not in _PARAMETERS:
            yield f"has a parameter in its URL that it can't have{nearest(name, _PARAMETERS)}"
        if name == "sslmode" and value not in _SSL_MODES:
            yield f"has an unknown sslmode in its URL: known are {', '.join(sorted(_SSL_MODES))}"
