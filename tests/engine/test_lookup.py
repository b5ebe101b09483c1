"""What is handed out for one registry, and why nothing is."""

from datetime import UTC, timedelta, timezone
from pathlib import Path

from refresher.engine.engine import Engine
from refresher.engine.lookup import look_up
from refresher.model.credential import Credential, Secret
from refresher.model.registered import RowState
from refresher.ports import Store, StoredCredential
from refresher.store import open_store
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.fakes import Issuer, Shelf


def _look_up(store: Store, registry: str) -> Credential | StoredCredential | str:
    clock = FakeClock()
    engine = Engine({"prod": Issuer(clock)}, {"shelf": Shelf()}, clock=clock)
    return look_up(engine, store, "default", registry, clock)


def test_a_provider_comes_before_the_store() -> None:
    """What a provider serves is renewed when due, whatever the store says."""
    store = MemoryStore()
    store.put("default", {"registry.example": StoredCredential("old", Secret("stored"))})
    found = _look_up(store, "https://registry.example/")
    assert isinstance(found, Credential)


def test_the_store_answers_for_the_rest() -> None:
    """A credential that a person put into the store is found in any spelling."""
    store = MemoryStore()
    store.put("default", {"docker.io": StoredCredential("acme", Secret("stored"))})
    found = _look_up(store, "https://index.docker.io/v1/")
    assert isinstance(found, StoredCredential)
    assert found.username == "acme"


def test_an_ended_one_is_no_answer() -> None:
    """The reason says when it ended."""
    store = MemoryStore()
    here = timezone(timedelta(hours=5, minutes=30))
    ended = (FakeClock().now() - timedelta(minutes=1)).astimezone(here)
    stored = StoredCredential("acme", Secret("stored"), expires_at=ended)
    store.put("default", {"other.example": stored})
    assert _look_up(store, "other.example") == (
        f"the credential for other.example ended at {ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )


def test_what_a_person_deactivated_is_the_reason(tmp_path: Path) -> None:
    """Nobody looks for a provider that is not missing."""
    backend = open_store(str(tmp_path / "refresher.db"))
    page = backend.registries
    assert page is not None
    page.add_registry("default", "other.example", StoredCredential("acme", Secret("stored")))
    page.set_registry("default", "other.example", RowState.INACTIVE)
    reason = _look_up(backend.store, "other.example")
    backend.close()
    assert isinstance(reason, str)
    assert "registry other.example of environment default is inactive" in reason


def test_nothing_is_found_with_a_reason() -> None:
    """Registry and environment are named."""
    reason = _look_up(MemoryStore(), "other.example")
    assert isinstance(reason, str)
    assert "other.example" in reason
    assert "default" in reason
