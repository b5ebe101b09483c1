"""Registry addresses as people type them at the registry page, and the page's presets.

Rancher 1.x's page offers Docker Hub, Quay.io and "custom", and takes the scheme off an
address (https://rancher.com/docs/rancher/v1.6/en/environments/registries/).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refresher.model.pageaddress import HUB, PageAddress, look_up, read

PRESETS: Final[Mapping[str, str]] = MappingProxyType({"dockerhub": HUB, "quay": "quay.io"})
"""An address by its word. Docker takes no such word for a registry, so none is lost by it."""


def new_address(text: str) -> PageAddress:
    """Return the address of a registry that a person adds, in the case as typed.

    Raises `PermanentError` for what is no address, and for one with a path.

    >>> new_address("DockerHub").address
    'index.docker.io'
    >>> new_address("https://Registry.example:5000/").address
    'Registry.example:5000'
    """
    return read(_preset(text))


def known_address(text: str) -> str:
    """Return what to look up for the address of a registry that is there, in any spelling.

    Raises `PermanentError` for what is no address.
    """
    return look_up(_preset(text))


def _preset(text: str) -> str:
    typed = text.strip()
    return PRESETS.get(typed.lower(), typed)
