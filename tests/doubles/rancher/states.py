"""The life of a registry and of a credential: states, the actions they offer, processes.

Registries and credentials share Cattle's default processes (DefaultProcessesParser).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PROCESSES: Final = ("create", "activate", "deactivate", "remove", "purge", "update")
"""Every process, and so every action that the types know."""

CREATED: Final = "registering"
"""The state in which the answer to a POST shows a new row."""

OFFERED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "requested": ("create", "deactivate", "remove"),
        "registering": ("activate", "deactivate", "remove"),
        "activating": ("deactivate",),
        "active": ("deactivate", "update"),
        "deactivating": (),
        "inactive": ("activate", "remove", "update"),
        "updating-active": ("deactivate", "remove"),
        "updating-inactive": ("deactivate", "remove"),
        "removing": (),
        "removed": ("purge",),
        "purging": (),
        "purged": (),
    }
)
"""The actions that a state offers."""

_RUNNING: Final = {
    "create": CREATED,
    "activate": "activating",
    "deactivate": "deactivating",
    "remove": "removing",
    "purge": "purging",
}
_NEXT: Final = {
    # Both types become active by themselves.
    "registering": "activating",
    "activating": "active",
    "deactivating": "inactive",
    "removing": "removed",
    "purging": "purged",
    "updating-active": "active",
    "updating-inactive": "inactive",
}
_DELETED_ALREADY: Final = frozenset({"removing", "removed"})


def begun(state: str, process: str) -> str:
    """Return the state while `process` runs that began in `state`."""
    return f"updating-{state}" if process == "update" else _RUNNING[process]


def following(state: str) -> str | None:
    """Return the state that a transitional one leads to, None for one that lasts."""
    return _NEXT.get(state)


def running(state: str) -> str:
    """Return the process that a transitional state belongs to."""
    if state.startswith("updating-"):
        return "update"
    return next(process for process, during in _RUNNING.items() if during == state)


def deletable(state: str) -> bool:
    """Say whether DELETE is taken, be it without an effect."""
    return "remove" in OFFERED[state] or state in _DELETED_ALREADY
