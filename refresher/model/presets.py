"""Registry addresses as people type them at the registry page, and the page's presets.

Rancher 1.x's page offers Docker Hub, Quay.io and "custom", and takes the scheme off an
address (https://rancher.com/docs/rancher/v1.6/en/environments/registries/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refresher.errors import PermanentError
from refresher.model.address import parse
from refresher.model.image import named_registry
from refresher.model.pageaddress import HUB, is_hub, look_up

PRESETS: Final[Mapping[str, str]] = MappingProxyType({"dockerhub": HUB, "quay": "quay.io"})
"""An address by its word. Docker takes no such word for a registry, so none is lost by it."""


@dataclass(frozen=True, slots=True)
class TypedAddress:
    """An address as it is kept, and what to tell whoever typed it."""

    address: str
    notices: tuple[str, ...] = ()


def new_address(text: str) -> TypedAddress:
    """Return the address of a registry that a person adds, in the case as typed.

    Raises `PermanentError` for what is no address, and for one with a path.

    >>> new_address("DockerHub").address
    'index.docker.io'
    >>> new_address("https://Registry.example:5000/").address
    'Registry.example:5000'
    """
    typed = _preset(text)
    path = parse(typed).path
    host = typed.rpartition("://")[2].partition("/")[0]
    if path:
        raise PermanentError(
            f"the address {typed!r} has a path, and a registry has none",
            hint=f"give {host}: its credential serves all that is below it",
        )
    if is_hub(host):
        return TypedAddress(HUB, () if typed == HUB else (f"{typed} is kept as {HUB}, Docker Hub",))
    notices = [] if typed == host else [f"{typed} is kept as {host}"]
    if named_registry(f"{host}/") != host:
        notices.append(
            f"no image can name {host}: docker takes it for a user of Docker Hub; add a port"
        )
    return TypedAddress(host, tuple(notices))


def known_address(text: str) -> str:
    """Return what to look up for the address of a registry that is there, in any spelling.

    Raises `PermanentError` for what is no address.
    """
    return look_up(_preset(text))


def _preset(text: str) -> str:
    typed = text.strip()
    return PRESETS.get(typed.lower(), typed)
