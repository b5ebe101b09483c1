"""People at a registry page; `python -m tests.store.people LOCATION NAME` is one of many."""

import sys
from collections.abc import Callable
from contextlib import suppress

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.registered import RowState
from refresher.model.whitelist import WHITELIST
from refresher.ports.registries import Registries
from refresher.store import open_store
from tests.store.contracts.page import page_of
from tests.store.contracts.samples import REGISTRY, named

TURNS = 6
OTHER = "other.example"


def steps(page: Registries) -> tuple[Callable[[], object], ...]:
    """Return what one person does at an empty page, step by step: every kind of change."""
    return (
        lambda: page.add_environment("prod"),
        lambda: page.add_registry("prod", REGISTRY, named("one", "acme")),
        lambda: page.add_credential("prod", REGISTRY, named("two")),
        lambda: page.edit_credential(
            "prod", REGISTRY, 1, username="new", email="a@b.example", secret=Secret("three")
        ),
        lambda: page.set_credential("prod", REGISTRY, 2, RowState.INACTIVE),
        lambda: page.set_credential("prod", REGISTRY, 2, RowState.REMOVED),
        lambda: page.set_setting(WHITELIST, "quay.io"),
        lambda: page.set_registry("prod", REGISTRY, RowState.INACTIVE),
        lambda: page.set_registry("prod", REGISTRY, RowState.REMOVED),
        lambda: page.remove_environment("prod"),
    )


def person(location: str) -> None:
    """Take every step."""
    backend = open_store(location)
    for step in steps(page_of(backend)):
        step()
    backend.close()


def one_of_many(location: str, name: str) -> None:
    """Add registries and credentials of one's own, and quarrel with others about shared ones."""
    backend = open_store(location)
    page = page_of(backend)
    for number in range(TURNS):
        page.add_registry("default", f"{name}-{number}.example", named(str(number)))
        for address in (REGISTRY, OTHER.upper(), OTHER):
            with suppress(PermanentError):
                page.add_registry("default", address)
        page.add_credential("default", REGISTRY, named(str(number), name))
        backend.store.put("default", {REGISTRY: named(str(number), f"sink-{name}")})
        for state in (RowState.INACTIVE, RowState.REMOVED):
            with suppress(PermanentError):
                page.set_registry("default", OTHER, state)
        page.set_setting(WHITELIST, f"{name}.example")
    backend.close()


if __name__ == "__main__":
    one_of_many(*sys.argv[1:])
