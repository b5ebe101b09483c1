"""Registry addresses as the registry store spells them.

As in Rancher 1.x an address is `host[:port]`, keeps the case that was typed, is
compared without it, and Docker Hub's is `index.docker.io`
(https://rancher.com/docs/rancher/v1.6/en/environments/registries/).
"""

from dataclasses import dataclass
from typing import Final

from refresher.errors import PermanentError
from refresher.model.address import HUB_ALIASES, canonical, parse

HUB: Final = "index.docker.io"
"""How the store spells Docker Hub."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """An address to add, and what whoever typed it should know of it."""

    address: str
    notices: tuple[str, ...] = ()


def is_hub(host: str) -> bool:
    """Tell whether `host` is Docker Hub, by any of its names in any case."""
    return host.lower() in HUB_ALIASES


def spelled(address: str) -> str:
    """Return `address` as the store spells it: `HUB` for every name of Docker Hub.

    Anything else stays as it is, whether it is an address or not.
    """
    host, slash, path = address.partition("/")
    return f"{HUB}{slash}{path}" if is_hub(host) else address


def look_up(text: str) -> str:
    """Return what to look up in the store for an address in any spelling.

    It may have a path: sinks put credentials there too. Raises `PermanentError` for
    what is no address.
    """
    return spelled(canonical(text))


def read(text: str) -> PageAddress:
    """Return the address of a new registry as a person typed it, without scheme and slashes.

    Raises `PermanentError` for what is no address, and for one with a path.
    """
    typed, path = text.strip(), parse(text).path
    host = typed.rpartition("://")[2].partition("/")[0]
    if path:
        raise PermanentError(
            f"{host}/{path} has a path, and a registry has none",
            hint=f"add {host}: its credential serves every path",
        )
    address = HUB if is_hub(host) else host
    notices = []
    if is_hub(host) and host != HUB:
        notices.append(f"{host} is kept as {HUB}: Docker Hub has that address")
    elif typed != host:
        notices.append(f"{typed} is kept as {host}: an address has no scheme and no slash")
    if not nameable(address):
        notices.append(
            f"no image can name {address}: "
            "what an image begins with is a registry if it is localhost or has a dot or a port"
        )
    return PageAddress(address, tuple(notices))


def nameable(address: str) -> bool:
    """Tell whether docker takes `address` for a registry at the beginning of an image."""
    # The sinks' part of this module is used at every start, and these expressions are slow to make.
    from refresher.model.image import named_registry  # noqa: PLC0415

    return named_registry(f"{address}/") == address
