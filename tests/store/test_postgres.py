"""The backend on a server: the contracts, what lasts, what is left behind."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refresher.errors import LockTimeoutError, PermanentError
from refresher.model.credential import Secret
from refresher.ports import Lock, Records, Store, StoredCredential
from refresher.store import Backend, open_store
from tests.doubles.postgres import PostgresServer
from tests.store.contracts import (
    DELIVERIES,
    FAILURE,
    LEASES,
    REGISTRY,
    LockContract,
    RecordsContract,
    StoreContract,
    named,
)


class OnServer:
    """Makes backends over new databases of a server, and closes them."""

    @pytest.fixture(autouse=True)
    def _databases(self, server: PostgresServer) -> Iterator[None]:
        self._made: list[Backend] = []
        self._server = server
        yield
        for backend in self._made:
            backend.close()

    def make(self) -> Backend:
        """Return a backend over a new database."""
        backend = open_store(self._server.url(self._server.empty_database()))
        self._made.append(backend)
        return backend


class TestPostgresStore(OnServer, StoreContract):
    """The contract of the registry store, on a server."""

    def make_store(self) -> Store:
        """Return a new one."""
        return self.make().store


class TestPostgresRecords(OnServer, RecordsContract):
    """The contract of the records, on a server."""

    def make_records(self) -> Records:
        """Return new ones."""
        return self.make().records


class TestAdvisoryLocks(OnServer, LockContract):
    """The contract of the lock, on a server."""

    def make_lock(self) -> Lock:
        """Return a new one."""
        return self.make().lock


def sessions(server: PostgresServer, backend: Backend) -> list[tuple[object, ...]]:
    """Return what the server tells of a backend's connections: their names and states."""
    database = backend.location.rpartition("/")[2]
    ours = f"datname = '{database}' AND backend_type = 'client backend'"
    return server.sql(f"SELECT application_name, state FROM pg_stat_activity WHERE {ours}")  # noqa: S608


def wait_until_closed(server: PostgresServer, backend: Backend) -> None:
    """Wait until the server has seen that a backend has no connection any more."""
    end = time.monotonic() + 10
    while sessions(server, backend):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_everything_lasts(backend_on_server: Backend) -> None:
    """Another opening of the same URL finds what was kept, under the same key."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    backend.records.save_lease("prod", LEASES["whole"])
    backend.records.save_deliveries("prod", {("store", "a", "b"): DELIVERIES["failed"]})
    fingerprint = backend.records.fingerprint("AWS", Secret("token"))
    again = open_store(backend.location.replace("postgresql://", "postgres://"))
    assert again.store.find("default", REGISTRY) == named("one")
    assert again.records.lease("prod") == LEASES["whole"]
    assert again.records.deliveries("prod") == {("store", "a", "b"): DELIVERIES["failed"]}
    assert again.records.fingerprint("AWS", Secret("token")) == fingerprint
    again.close()


def test_both_ways_in_lead_to_one_store(server: PostgresServer) -> None:
    """By the socket and by TCP there are the same rows and the same locks."""
    database = server.empty_database()
    near, far = open_store(server.local_url(database)), open_store(server.url(database))
    near.store.put("default", {REGISTRY: named("one")})
    assert far.store.find("default", REGISTRY) == named("one")
    with near.lock.hold("prod", 0), pytest.raises(LockTimeoutError), far.lock.hold("prod", 0):
        pass
    near.close()
    far.close()


def test_an_idle_backend_is_in_no_transaction_and_holds_no_lock(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """Between two calls there are a few idle connections, whoever used them, and no lock."""
    backend = backend_on_server
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        with backend.lock.hold(f"prod-{number}", 0):
            barrier.wait(20)
            backend.store.put("default", {REGISTRY: named("one")})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    # The server hears of the end of a connection a little later.
    end = time.monotonic() + 10
    while len(found := sessions(server, backend)) > 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert {state for _, state in found} == {"idle"}
    assert server.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []


def test_a_connection_says_whose_it_is(server: PostgresServer, backend_on_server: Backend) -> None:
    """An administrator sees the process and the host of each connection."""
    backend_on_server.records.leases()
    ((name, _),) = sessions(server, backend_on_server)
    assert name == f"refresher {os.getpid()} {os.uname().nodename}"[:63]


def test_a_close_closes_everything(server: PostgresServer, backend_on_server: Backend) -> None:
    """After the end there is no connection; a later call is answered, and leaves none behind."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    for _ in range(2):
        backend.close()
        wait_until_closed(server, backend)
    assert backend.store.find("default", REGISTRY) == named("one")
    wait_until_closed(server, backend)


def test_a_failing_call_leaves_no_connection(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """A call that breaks off undoes everything, and what it had begun is over."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    with pytest.raises(PermanentError, match="no valid Unicode"):
        backend.store.put("default", {REGISTRY: named("two"), "bad\udc80": named("two")})
    assert backend.store.find("default", REGISTRY) == named("one")
    assert {state for _, state in sessions(server, backend)} == {"idle"}


TEXT: Final = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)

NAME: Final = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20).map(
    lambda text: f"({text})"
)


@given(environment=NAME, registry=TEXT.filter(lambda text: text.isascii()), username=TEXT)
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_kept(
    backend_on_server: Backend, environment: str, registry: str, username: str
) -> None:
    """Every text that people and machines write comes back, placeholders and quotes included."""
    credential = StoredCredential(username, Secret(f"'{environment}' %s :name"), username)
    backend_on_server.store.put(environment, {registry: credential})
    assert backend_on_server.store.find(environment, registry) == credential


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b"], ids=["nul", "surrogate"])
def test_text_that_no_database_holds_is_refused(backend_on_server: Backend, text: str) -> None:
    """PostgreSQL has no NUL, and nobody has half a character; the text is not repeated."""
    records = backend_on_server.records
    with pytest.raises(PermanentError, match=r"can't hold (a )?text") as caught:
        records.save_lease("prod", replace(LEASES["whole"], username=text))
    assert caught.value.hint
    assert text not in str(caught.value)
    failure = replace(FAILURE, message=f"no such file: {text}")
    records.save_lease("prod", replace(LEASES["whole"], failure=failure))
    kept = records.lease("prod").failure
    assert kept is not None
    assert kept.message == f"no such file: {text.encode('unicode_escape').decode()}"


def test_a_secret_may_hold_any_character(backend_on_server: Backend) -> None:
    """Secrets are bytes on the server, so that NUL is one like any other."""
    backend_on_server.store.put("default", {REGISTRY: named("a\0b%s\\")})
    assert backend_on_server.store.find("default", REGISTRY) == named("a\0b%s\\")


def test_it_shows_no_secret(backend_on_server: Backend) -> None:
    """Nothing of the backend prints a password."""
    backend_on_server.store.put("default", {REGISTRY: named("canary-secret")})
    assert "canary" not in repr(backend_on_server)


@pytest.mark.parametrize("location", ["memory", "refresher.db"])
def test_who_has_no_server_loads_no_driver(tmp_path: Path, location: str) -> None:
    """The driver is big: a store in a file or in memory never loads it, used or not."""
    code = (
        "import sys; from refresher.store import open_store; "
        f"backend = open_store({location!r}); backend.records.leases(); "
        "sys.exit(any('psycopg' in name or 'postgres' in name for name in sys.modules))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_a_missing_driver_is_told_with_its_remedy(tmp_path: Path) -> None:
    """Without psycopg a URL is refused, with the command that installs it."""
    (tmp_path / "psycopg.py").write_text("raise ImportError('no pq wrapper available')")
    code = (
        "from refresher.errors import PermanentError\n"
        "from refresher.store import open_store\n"
        "try: open_store('postgresql://a@b.example/c')\n"
        "except PermanentError as error: print(error, error.hint)"
    )
    command = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    assert "driver for it is not installed pip install 'refresher[postgres]'" in told
