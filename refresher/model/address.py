"""Registry addresses: one canonical form, whatever the spelling.

The canonical form is a lower-case `host[:port]`, or `host[:port]/path` where a
repository path is meant. No scheme, no trailing slash, no bare `/v1` or `/v2`
(docker and its relatives store keys with any of them), and `docker.io` for
every alias of Docker Hub. Ports are part of the identity: clients look up
`host:443` and `host` as two keys.
"""

import functools
import re
from dataclasses import dataclass
from typing import Final

from refresher.errors import PermanentError

DOCKER_HUB: Final = "docker.io"
"""How this package spells Docker Hub; each sink writes the spelling that its clients read."""

HUB_ALIASES: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
"""Every host, in lower case, that is Docker Hub."""

REPOSITORY: Final = (
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
"""The regular expression of a repository path (github.com/distribution/reference, regexp.go)."""

MAX_REPOSITORY: Final = 255
"""The most characters that a repository path may have (the same, reference.go)."""

_API_PATHS: Final = frozenset({"", "v1", "v2"})
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH: Final = re.compile(REPOSITORY)
_MAX_PORT: Final = 65535
_MAX_HOST: Final = 255


@dataclass(frozen=True, slots=True)
class Address:
    """A registry address taken apart: `host` with its port, and a repository `path` or ``""``."""

    host: str
    path: str = ""

    def __str__(self) -> str:
        """Return the canonical spelling."""
        return f"{self.host}/{self.path}" if self.path else self.host


@functools.lru_cache(maxsize=4096)  # every pass asks for the same few
def canonical(text: str) -> str:
    """Return the canonical spelling of an address; see `parse` for what is refused.

    >>> canonical("HTTPS://Registry.Example:5000/v2/")
    'registry.example:5000'
    >>> canonical("https://index.docker.io/v1/")
    'docker.io'
    """
    return str(parse(text))


def parse(text: str) -> Address:
    """Take an address apart.

    Raises `PermanentError` for text that is no address. A user name and a
    password in it are refused without being repeated.
    """
    stripped = text.strip()
    scheme = _SCHEME.match(stripped)
    rest = stripped[scheme.end() :] if scheme else stripped
    # Anywhere, not only in the host: a password may hold a slash.
    if "@" in rest:
        raise PermanentError(
            "a registry address holds a user name or a password before '@'",
            hint="give the address alone; credentials have settings of their own",
        )
    host, _, path = rest.partition("/")
    if not _is_host(host):
        raise PermanentError(
            f"{_shown(text)} is no registry address",
            hint="write it as host or host:port, for example registry.example:5000",
        )
    host = host.lower()
    return Address(DOCKER_HUB if host in HUB_ALIASES else host, _repository(path, text))


def _is_host(host: str) -> bool:
    # Before lower(), which turns the Kelvin sign into a plain k.
    if len(host) > _MAX_HOST or not host.isascii():
        return False
    name, port = _split_port(host.lower())
    if port is not None and not (port.isdigit() and 0 < int(port) <= _MAX_PORT):
        return False
    if name.startswith("["):
        return name.endswith("]") and _is_ipv6(name[1:-1])
    return _NAME.fullmatch(name) is not None


def _is_ipv6(text: str) -> bool:
    import ipaddress  # noqa: PLC0415 - rarely needed, and slow to import

    try:
        # A zone means something on one host only, and no client takes it in a name.
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _split_port(host: str) -> tuple[str, str | None]:
    if host.endswith("]") or ":" not in host:
        return host, None
    name, _, port = host.rpartition(":")
    return name, port


def _repository(path: str, text: str) -> str:
    path = path.strip("/")
    if path in _API_PATHS:
        return ""
    if len(path) > MAX_REPOSITORY or not _PATH.fullmatch(path):
        raise PermanentError(
            f"{_shown(text)} has a path that is no repository",
            hint="give the host, or host/namespace in lower case; no image, tag or digest",
        )
    return path


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MAX_HOST else text[:40] + "...")
