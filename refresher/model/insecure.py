"""`insecure-registries` of docker: the registries that need no TLS, as dockerd reads them.

The rules are those of moby/moby, daemon/pkg/registry/config.go: an entry is a
`host[:port]`, compared as it is written, or a network (CIDR). Addresses of this host are
always among them, Docker Hub never is. One entry that is wrong, and dockerd does not start.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from refresher.model.address import DOCKER_HUB

KEY: Final = "insecure-registries"
"""The name of the list in daemon.json."""

Lookup = Callable[[str], Collection[str]]
"""Gives the addresses that a host name has, none if it is not known."""

_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_WITH_PORT: Final = re.compile(r"(?:([^:\[\]]*)|\[([^\[\]]*)\]):([^:\[\]]*)")
_NETWORK: Final = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")
_MAX_PORT: Final = 65_535
_LOCALHOST: Final = "localhost"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_OWN: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv6Network("::1/128"),
)


@dataclass(frozen=True, slots=True)
class Insecure:
    """The registries that a docker daemon asks for no TLS; `hosts` as they are written."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def covers(self, registry: str, lookup: Lookup) -> bool:
        """Tell whether `registry` (`host[:port]`, as images name it) is one of them.

        A name that is not listed is looked up: its address may be.
        """
        if registry == DOCKER_HUB:
            return False
        return registry in self.hosts or self._holds(registry, lookup)

    def similar(self, registry: str) -> str | None:
        """Return a host that differs from `registry` in case or port alone, None without one."""
        name = _host(registry).lower()
        return next((each for each in sorted(self.hosts) if _host(each).lower() == name), None)

    def _holds(self, registry: str, lookup: Lookup) -> bool:
        host = _host(registry)
        if is_loopback(host):
            return True
        literal = _address(host)
        found = [literal] if literal else [_address(each) for each in lookup(host)]
        networks = (*_OWN, *self.networks)
        return any(each in network for each in found if each for network in networks)


def is_loopback(registry: str) -> bool:
    """Tell whether `registry` is an address of this host, or `localhost`, without a look-up."""
    host = _host(registry)
    address = _address(host)
    return host.lower() == _LOCALHOST or (address is not None and address.is_loopback)


def parse(text: bytes) -> Insecure:
    """Return what a daemon.json says of insecure registries.

    Raises `ValueError`, which says what is wrong, for a text with which dockerd does not start.
    """
    try:
        document: Any = json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON at line {error.lineno}, column {error.colno}") from None
    except (UnicodeDecodeError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - one error for all that is wrong
    listed = document.get(KEY)
    if not isinstance(listed, list | None) or not all(
        isinstance(each, str) for each in listed or ()
    ):
        raise ValueError(f'holds no list of texts in "{KEY}"')
    return listing(listed or ())


def listing(entries: Collection[str]) -> Insecure:
    """Return what the entries of the list mean. Raises `ValueError` for one that is wrong."""
    hosts, networks = set(), []
    for text in entries:
        try:
            meant = entry(text)
        except ValueError as error:
            raise ValueError(f'holds {text!r} in "{KEY}": {error}') from None
        if isinstance(meant, str):
            hosts.add(meant)
        else:
            networks.append(meant)
    return Insecure(frozenset(hosts), tuple(networks))


def entry(text: str) -> str | Network:
    """Return the host or the network that an entry means; a scheme of HTTP is left out.

    Raises `ValueError` for what is neither.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        raise ValueError("it has a scheme, and needs none")
    text = rest if separator else text
    if _NETWORK.fullmatch(text):
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError("invalid host") from None
    split = _WITH_PORT.fullmatch(text)
    if not _HOST.fullmatch(text) and _address(_host(text)) is None:
        raise ValueError("invalid host")
    port = split[3] if split else ""
    if port and not (port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise ValueError(f'invalid port "{port}"')
    return text


def _host(registry: str) -> str:
    """Return the host without its port, and then without brackets (Go, net.SplitHostPort)."""
    split = _WITH_PORT.fullmatch(registry)
    if split is None:
        return registry
    return split[1] if split[1] is not None else split[2]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A zone means something on one host only, and Go takes none.
        address = ipaddress.ip_address(host.replace("%", "?"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None  # noqa: PLR2004 - IPv6
    return mapped or address
