"""The proxy that the kubeconfig names for a cluster, or the environment for a server.

The latter is as in other clients of Kubernetes (golang.org/x/net/http/httpproxy): loopback is
reached directly, and `NO_PROXY` is a list of hosts, domains, addresses and networks.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from refresher.errors import PermanentError
from refresher.net.direct import Proxy
from refresher.net.url import Url

_PORTS: Final = {"http": 80}
_HTTPS: Final = "https"


def proxy_for(server: Url, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to a server, None if it is reached directly.

    Raises `PermanentError` for a proxy that is none, without repeating it: it may hold a password.
    """
    named = env.get("HTTPS_PROXY") or env.get("https_proxy")
    if not named or server.scheme != _HTTPS or _is_near(server.host) or _is_excepted(server, env):
        return None
    return proxy_at(named, "HTTPS_PROXY")


def proxy_at(named: str, what: str) -> Proxy:
    """Return the proxy at an address, which `what` names in messages. Raises as `proxy_for`."""
    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in _PORTS or not host:
        raise PermanentError(
            f"{what} names no proxy that can be used",
            hint="write it like http://proxy.example:3128",
        )
    port = port or _PORTS[parts.scheme]
    if parts.username is None:
        return Proxy(host, port)
    return Proxy.with_login(host, port, unquote(parts.username), unquote(parts.password or ""))


def _is_near(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_excepted(server: Url, env: Mapping[str, str]) -> bool:
    listed = env.get("NO_PROXY") or env.get("no_proxy") or ""
    return any(_means(each.strip().lower(), server) for each in listed.split(",") if each.strip())


def _means(listed: str, server: Url) -> bool:
    if listed == "*":
        return True
    host = server.host.strip("[]")
    address = _address(host)
    if address is not None and "/" in listed:
        try:
            return address in ipaddress.ip_network(listed, strict=False)
        except ValueError:
            return False
    name, _, port = listed.rpartition(":") if listed.count(":") == 1 else (listed, "", "")
    if port and port != str(server.port):
        return False
    name = name.strip("[]").removeprefix("*")
    if name.startswith("."):
        return host.endswith(name)
    return host == name or (address is None and host.endswith(f".{name}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
