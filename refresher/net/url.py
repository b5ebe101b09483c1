"""The URLs that settings and servers name: realms of token servers, targets of redirects.

Only what every parser reads alike is a URL here. A user name, a backslash or a
line break in one is how a credential ends up at another host than the one that
was looked at.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][^\s\\#]*)?(?:#[^\s\\]*)?",
    re.ASCII | re.IGNORECASE,
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_MAX_PORT: Final = 65_535
_LONGEST: Final = 2_048
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*")

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")  # RFC 4291, section 2.4, and IANA
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute URL taken apart. `host` is in lower case, `rest` begins with a slash."""

    scheme: str
    host: str
    port: int
    rest: str = "/"

    @property
    def authority(self) -> str:
        """The host, with its port if that is not the one of the scheme."""
        default = self.port == _DEFAULT_PORTS[self.scheme]
        return self.host if default else f"{self.host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What has to be the same for a credential to go along (RFC 6454, section 4)."""
        return self.scheme, self.host, self.port

    @property
    def internal(self) -> bool:
        """Whether the host is one that only this host or its own network has.

        True for loopback, private, link-local, unspecified, multicast and reserved
        addresses in every spelling that a resolver takes, and for `localhost` (RFC
        6761, section 6.3). Other names are not looked up.
        """
        name = self.host.rstrip(".")
        address = _address(name)
        if address is None:
            return name == "localhost" or name.endswith(".localhost")
        return any(_internal(each) for each in _embedded(address))

    def __str__(self) -> str:
        """Return the URL."""
        return f"{self.scheme}://{self.authority}{self.rest}"


def parse(text: str) -> Url | None:
    """Return the URL in `text`, without its fragment; None for anything else."""
    if len(text) > _LONGEST or not _PRINTABLE.fullmatch(text):
        return None
    match = _URL.fullmatch(text)
    if match is None:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port <= _MAX_PORT or (host.startswith("[") and _address(host) is None):
        return None
    rest = match["rest"] or "/"
    return Url(scheme, host, port, rest if rest.startswith("/") else f"/{rest}")


def _address(name: str) -> IPAddress | None:
    try:
        if name.startswith("["):
            return ipaddress.IPv6Address(name.strip("[]"))
        # Resolvers also take 127.1, 0x7f000001 and 2130706433 for addresses.
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None


def _embedded(address: IPAddress) -> tuple[IPAddress, ...]:
    """Return the address, and the IPv4 address that one of IPv6 leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    low = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    inner = (address.ipv4_mapped, address.sixtofour, low if address in _TRANSLATED else None)
    return tuple(each for each in inner if each is not None) or (address,)


def _internal(address: IPAddress) -> bool:
    unicast = address.version == 4 or address in _GLOBAL_UNICAST  # noqa: PLR2004 - IPv4
    return not (unicast and address.is_global) or address.is_multicast
