"""Several processes at one registry page: crowded, killed, kept waiting."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from refresher.errors import PermanentError, StoreError
from refresher.model.registered import RowState
from refresher.model.whitelist import WHITELIST
from refresher.store import Backend, open_store
from refresher.store.page.registries import SqlRegistries
from refresher.store.sqlite.database import SqliteDatabase
from tests.store.contracts.page import page_of
from tests.store.contracts.samples import REGISTRY, named
from tests.store.people import OTHER, TURNS, person, steps
from tests.tracing import FULL_SWEEP, KILLED, Tracer, told, writes

_ROOT: Final = Path(__file__).parents[2]
NAMES: Final = ("a", "b", "c", "d")


@pytest.fixture(params=["backend", "backend_on_server"], ids=["file", "server"])
def shared(request: pytest.FixtureRequest) -> Backend:
    """Return a backend that other processes can use too."""
    backend: Backend = request.getfixturevalue(request.param)
    return backend


def test_a_crowd_loses_no_change(shared: Backend) -> None:
    """People and sinks in several processes all have what they added, and addresses are unique."""
    page = page_of(shared)
    page.add_registry("default", REGISTRY)
    command = [sys.executable, "-m", "tests.store.people", shared.location]
    crowd = [subprocess.Popen([*command, name], cwd=_ROOT) for name in NAMES]
    assert [each.wait() for each in crowd] == [0] * len(NAMES)
    listed = page.registries("default")
    expected = {f"{name}-{number}.example" for name in NAMES for number in range(TURNS)}
    addresses = Counter(each.address.lower() for each in listed)
    assert set(addresses) - {OTHER} == expected | {REGISTRY}
    assert set(addresses.values()) == {1}
    users = Counter(each.username for each in page.registry("default", REGISTRY).credentials)
    assert users == dict.fromkeys(NAMES, TURNS) | {f"sink-{name}": 1 for name in NAMES}
    assert page.settings()[WHITELIST] in {f"{name}.example" for name in NAMES}
    removed = page.registries("default", removed=True)
    assert {each.state for each in removed if each.address.lower() == OTHER} <= set(RowState)


def seen(location: str) -> dict[str, Any]:
    """Return all that the page of a file shows, without ids of rows and times."""
    with closing(open_store(location)) as backend:
        page = page_of(backend)
        shown: dict[str, Any] = {"settings": dict(page.settings())}
        for environment in page.environments():
            shown[environment.name] = [
                (
                    each.address,
                    each.state,
                    [(held.username, held.email, held.state) for held in each.credentials],
                )
                for each in page.registries(environment.name, removed=True)
            ]
            shown[f"in use in {environment.name}"] = backend.store.find(environment.name, REGISTRY)
        return shown


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    """Return what runs a person under strace."""
    modules = ("page.registries", "records", "registries", "sqlite.database", "sqlite.locks")
    with Tracer(
        tmp_path_factory.mktemp("strace"),
        "tests.store.people",
        *(f"refresher.store.{name}" for name in modules),
    ) as tracer:
        yield tracer


def test_a_kill_at_any_call_leaves_whole_changes(tmp_path: Path, tracer: Tracer) -> None:
    """A person's command that is killed at any call has made its change whole or not at all."""
    path = tmp_path / "store" / "refresher.db"
    stages = []
    with closing(open_store(str(path))) as backend:
        stages.append(seen(str(path)))
        for step in steps(page_of(backend)):
            step()
            stages.append(seen(str(path)))
    shutil.rmtree(path.parent)
    with closing(open_store(str(path))) as backend:
        page_of(backend).settings()
    shutil.copytree(path.parent, tmp_path / "origin")
    calls = [call for call in tracer.run(person, str(path)).calls if writes(call)]
    assert seen(str(path)) == stages[-1]
    reached = set()
    for call in calls if FULL_SWEEP else calls[::3]:
        shutil.rmtree(path.parent)
        shutil.copytree(tmp_path / "origin", path.parent)
        with told(call):
            assert tracer.run(person, str(path), inject=call.killing()).status == KILLED
            reached.add(stages.index(seen(str(path))))
            with closing(open_store(str(path))) as backend:
                page_of(backend).add_registry("default", REGISTRY, named("next"))
                assert backend.store.find("default", REGISTRY) == named("next")
    assert reached >= set(range(len(stages) - 1))


def test_a_held_page_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """While another writes, people read; a change waits, gives up in time, and is not made."""
    path = tmp_path / "refresher.db"
    page = SqlRegistries(SqliteDatabase(path, patience=0.1))
    page.add_registry("default", REGISTRY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert page.registry("default", REGISTRY).credentials == ()
        for change in (
            lambda: page.add_credential("default", REGISTRY, named("one")),
            lambda: page.set_registry("default", REGISTRY, RowState.INACTIVE),
            lambda: page.set_setting(WHITELIST, "quay.io"),
        ):
            with pytest.raises(StoreError, match="is locked by another process"):
                change()
    assert page.registry("default", REGISTRY).state is RowState.ACTIVE
    assert page.settings() == {}


def test_a_change_goes_on_when_the_other_is_done(tmp_path: Path) -> None:
    """A short wait is not told."""
    path = tmp_path / "refresher.db"
    page = SqlRegistries(SqliteDatabase(path))
    page.add_registry("default", REGISTRY)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.close)
    release.start()
    with pytest.raises(PermanentError, match="is there already"):
        page.add_registry("default", REGISTRY)
    release.join()
