"""What the parts of the registry page's contract have in common."""

from abc import ABC, abstractmethod
from typing import Final

from refresher.model.registered import Registered, RegisteredCredential, RowState
from refresher.ports.registries import Registries
from refresher.store import Backend
from tests.store.contracts.samples import REGISTRY, named

ENVIRONMENT: Final = "default"

HUB_NAMES: Final = ("docker.io", "index.docker.io", "registry-1.docker.io", "Index.Docker.IO")

STEPS: Final = [
    ("active", "active", "nothing"),
    ("active", "inactive", "changed"),
    ("active", "removed", "deactivate it first"),
    ("inactive", "active", "changed"),
    ("inactive", "inactive", "nothing"),
    ("inactive", "removed", "changed"),
    ("removed", "active", "add it again"),
    ("removed", "inactive", "add it again"),
    ("removed", "removed", "nothing"),
]
"""Every state, every wanted one, and what comes of it: a change, or the hint of an error."""

WAY_TO: Final = {
    RowState.ACTIVE: (),
    RowState.INACTIVE: (RowState.INACTIVE,),
    RowState.REMOVED: (RowState.INACTIVE, RowState.REMOVED),
}
"""The steps from a new row to each state."""


class PageContract(ABC):
    """A part of the contract. `make_backend` returns an empty one that has a registry page."""

    @abstractmethod
    def make_backend(self) -> Backend:
        """Return an empty backend."""


def page_of(backend: Backend) -> Registries:
    """Return the registry page of a backend."""
    page = backend.registries
    assert page is not None
    return page


def add(page: Registries, secret: str, username: str = "AWS") -> RegisteredCredential:
    """Add a credential to the registry of these tests."""
    return page.add_credential(ENVIRONMENT, REGISTRY, named(secret, username))


def shown(page: Registries) -> Registered:
    """Return the registry of these tests."""
    return page.registry(ENVIRONMENT, REGISTRY)
