"""Registries and credentials as the server lists them, and what their states mean.

States: io.cattle.platform.process.common.spring (DefaultProcessesParser). A pull uses the
credential of a registry if both are active, at the moment when its container is made.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.address import canonical
from refresher.model.credential import Secret

ID: Final = re.compile(r"1[a-z]{1,4}([0-9]{1,18})")
"""The id of a row: what is none gets into no URL."""


class Phase(Enum):
    """Where a row is in its life."""

    ACTIVE = auto()
    COMING = auto()
    """It becomes active by itself."""
    IDLE = auto()
    """Somebody has deactivated it."""
    LEAVING = auto()
    """It becomes idle by itself."""
    GOING = auto()
    """It is being removed, and still keeps its address from others."""
    GONE = auto()
    STUCK = auto()
    """A process of the server ended with an error, or the state is one that nobody knows."""


_PHASES: Final[Mapping[str, Phase]] = MappingProxyType(
    {
        "active": Phase.ACTIVE,
        "requested": Phase.COMING,
        "registering": Phase.COMING,
        "activating": Phase.COMING,
        "updating-active": Phase.COMING,
        "inactive": Phase.IDLE,
        "deactivating": Phase.LEAVING,
        "updating-inactive": Phase.LEAVING,
        "removing": Phase.GOING,
        "removed": Phase.GONE,
        "purging": Phase.GONE,
        "purged": Phase.GONE,
    }
)
_LASTING: Final = frozenset({Phase.ACTIVE, Phase.IDLE, Phase.GONE})


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry; `address` is as somebody has written it."""

    id: str
    phase: Phase
    address: str

    def spells(self, address: str) -> bool:
        """Tell whether images that name `address` find it: the case is all that may differ."""
        return self.address.lower() == address.lower()


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of a registry. `secret` is None where it is not shown to these keys."""

    id: str
    phase: Phase
    registry: str
    username: str
    secret: Secret | None = None
    description: str = ""


@dataclass(frozen=True)
class Seen:
    """What an environment holds, by what it is looked up."""

    registries: tuple[Registry, ...]
    credentials: tuple[Credential, ...]

    @cached_property
    def by_address(self) -> Mapping[str, list[Registry]]:
        """The registries by canonical address, the oldest first."""
        found: dict[str, list[Registry]] = {}
        for row in sorted(self.registries, key=age):
            found.setdefault(_canonical(row.address), []).append(row)
        return found

    @cached_property
    def by_registry(self) -> Mapping[str, list[Credential]]:
        """The credentials by the id of their registry, the oldest first."""
        found: dict[str, list[Credential]] = {}
        for row in sorted(self.credentials, key=age):
            found.setdefault(row.registry, []).append(row)
        return found


def age(row: Registry | Credential) -> int:
    """Return a number that grows with each row that the server has made."""
    match = ID.fullmatch(row.id)
    return int(match[1]) if match else 0


def registries(documents: Iterable[Mapping[str, Any]]) -> tuple[Registry, ...]:
    """Return the registries among what the server lists; what has no id or address is left out."""
    return tuple(
        Registry(_text(one, "id"), _phase(one), _text(one, "serverAddress"))
        for one in documents
        if ID.fullmatch(_text(one, "id")) and _text(one, "serverAddress")
    )


def credentials(documents: Iterable[Mapping[str, Any]]) -> tuple[Credential, ...]:
    """Return the credentials among what the server lists; what has no id is left out."""
    return tuple(
        Credential(
            _text(one, "id"),
            _phase(one),
            _text(one, "registryId"),
            _text(one, "publicValue"),
            Secret(secret) if (secret := _text(one, "secretValue")) else None,
            _text(one, "description"),
        )
        for one in documents
        if ID.fullmatch(_text(one, "id"))
    )


def _phase(document: Mapping[str, Any]) -> Phase:
    phase = _PHASES.get(_text(document, "state"), Phase.STUCK)
    failed = _text(document, "transitioning") == "error"
    return Phase.STUCK if failed and phase not in _LASTING else phase


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except PermanentError:
        return ""
