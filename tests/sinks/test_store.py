"""The registry store as a sink."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from refresher.errors import PermanentError, StoreError
from refresher.model.credential import Credential, Secret
from refresher.model.plan import Absent, Foreign, Value
from refresher.ports import (
    Busy,
    Change,
    Refused,
    Sink,
    Store,
    StoredCredential,
    Tools,
    Written,
)
from refresher.sinks.store import Options, build
from refresher.store import Backend, open_store
from refresher.testing import FakeClock, SinkContract

REGISTRY = "registry.example:5000"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CREDENTIAL = Credential(
    (REGISTRY, "docker.io"),
    "AWS",
    Secret("canary-secret"),
    email="a@b.example",
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=12),
)


def sink_at(store: Store, **options: str) -> Sink:
    """Return a sink at `store`, built as the settings would build it."""
    return build(Options.model_validate(options), Tools(FakeClock(), store))


class TestStoreSinkInMemory(SinkContract):
    """The contract of sinks, over a store in memory."""

    def make_sink(self) -> Sink:
        """Return a sink at a new store."""
        return sink_at(open_store("memory").store)


class TestStoreSinkInAFile(SinkContract):
    """The contract of sinks, over an embedded database."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> Iterator[None]:
        self._path = tmp_path
        self._close: list[Callable[[], None]] = []
        yield
        for close in self._close:
            close()

    def make_sink(self) -> Sink:
        """Return a sink at a new database."""
        backend = open_store(str(self._path / f"{len(self._close)}.db"))
        self._close.append(backend.close)
        return sink_at(backend.store)


class FailingStore:
    """A store of which each call raises."""

    def __init__(self, error: Exception) -> None:
        """Take the error to raise."""
        self._error = error

    def find(self, _environment: str, _registry: str, /) -> StoredCredential | None:
        """Raise the error."""
        raise self._error

    def find_all(
        self, _environment: str, _registries: Collection[str], /
    ) -> Mapping[str, StoredCredential]:
        """Raise the error."""
        raise self._error

    def obstacles(self, _environment: str, _registries: Collection[str], /) -> Mapping[str, str]:
        """Raise the error."""
        raise self._error

    def put(self, _environment: str, _credentials: Mapping[str, StoredCredential], /) -> None:
        """Raise the error."""
        raise self._error


def test_the_target_is_the_environment() -> None:
    """Without options it is `default`; a sink supplies its own environment only."""
    store = open_store("memory").store
    assert list(sink_at(store).read([])) == ["default"]
    sink = sink_at(store, environment="prod")
    assert sink.write("prod", [Change(REGISTRY, CREDENTIAL)]) == Written()
    assert sink.read([REGISTRY])["prod"] == {
        REGISTRY: Value("AWS", CREDENTIAL.secret, "a@b.example")
    }
    assert sink_at(store).read([REGISTRY])["default"] == {REGISTRY: Absent()}


def test_the_whole_credential_is_stored() -> None:
    """User, secret, e-mail and both times stand in the store, at each registry of the changes."""
    store = open_store("memory").store
    sink_at(store).write("default", [Change(name, CREDENTIAL) for name in CREDENTIAL.registries])
    stored = StoredCredential(
        "AWS", CREDENTIAL.secret, "a@b.example", NOW, NOW + timedelta(hours=12)
    )
    assert store.find_all("default", CREDENTIAL.registries) == dict.fromkeys(
        CREDENTIAL.registries, stored
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreError("locked"), Busy("locked")),
        (StoreError("locked", hint="wait", retry_after=3), Busy("locked: wait", 3)),
        (PermanentError("inactive", hint="activate it"), Refused("inactive: activate it")),
    ],
    ids=["busy", "busy-asked", "refused"],
)
def test_a_fault_of_the_store_is_a_reason(error: Exception, expected: Busy | Refused) -> None:
    """What time heals is `Busy`, the rest `Refused`, with what to do; nothing is raised."""
    sink = sink_at(FailingStore(error))
    assert sink.read([REGISTRY]) == {"default": expected}
    assert sink.write("default", [Change(REGISTRY, CREDENTIAL)]) == expected


OTHERS = ("a.example", "z.example")
HELD = Value("AWS", CREDENTIAL.secret, "a@b.example")


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """Return an embedded store in which another user was in use before ours."""
    backend = open_store(str(tmp_path / "refresher.db"))
    backend.store.put("default", {REGISTRY: StoredCredential("acme", Secret("manual"))})
    backend.store.put("default", {REGISTRY: StoredCredential("AWS", Secret("old"))})
    yield backend
    backend.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE registry SET state = 'inactive'", "UPDATE credential SET state = 'inactive'"],
    ids=["registry", "credential"],
)
def test_what_a_person_deactivated_is_foreign(backend: Backend, statement: str) -> None:
    """An inactive registry or credential is left alone with a reason; its neighbours are not."""
    sink = sink_at(backend.store)
    execute(backend, statement)
    held = sink.read([REGISTRY, *OTHERS])["default"]
    assert isinstance(held, Mapping)
    ours = held[REGISTRY]
    assert held == {REGISTRY: ours, **dict.fromkeys(OTHERS, Absent())}
    assert isinstance(ours, Foreign)
    assert "is inactive: activate" in ours.reason


def test_one_refused_change_keeps_nothing_from_the_others(backend: Backend) -> None:
    """Where our user is inactive and another's is in use, that is told; the rest is written."""
    sink = sink_at(backend.store)
    execute(backend, "UPDATE credential SET state = 'inactive' WHERE username = 'AWS'")
    changes = [Change(name, CREDENTIAL) for name in (OTHERS[0], REGISTRY, OTHERS[1])]
    outcome = sink.write("default", changes)
    assert isinstance(outcome, Refused)
    assert f"AWS at registry {REGISTRY} is inactive" in outcome.reason
    assert sink.read([REGISTRY, *OTHERS])["default"] == {
        REGISTRY: Value("acme", Secret("manual")),
        **dict.fromkeys(OTHERS, HELD),
    }


def execute(backend: Backend, statement: str) -> None:
    """Do to the database what a person's command would do."""
    with closing(sqlite3.connect(backend.location)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "options", [{"environment": ""}, {"environment": None}, {"environments": "prod"}], ids=str
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    """An environment needs a name, and unknown options are errors."""
    with pytest.raises(ValidationError):
        Options.model_validate(options)
