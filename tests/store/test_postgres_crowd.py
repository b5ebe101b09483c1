"""Many threads of one process at one server: few connections, and every lock for itself."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from refresher.clock import SystemClock
from refresher.engine.engine import Engine
from refresher.errors import LockTimeoutError, StoreError
from refresher.model.lease import Lease
from refresher.store import Backend, open_store
from refresher.store.postgres.database import PostgresDatabase
from refresher.store.postgres.links import Links
from refresher.store.postgres.locks import AdvisoryLocks
from refresher.store.postgres.server import Server
from refresher.store.records import SqlRecords
from refresher.testing import EventLog
from tests.doubles.postgres import PostgresServer
from tests.fakes import Issuer, Shelf

PROVIDERS = 60
"""More than the server has connections."""

MOST = 6


@pytest.fixture
def database(backend_on_server: Backend) -> str:
    """Return the name of the database."""
    return backend_on_server.location.rpartition("/")[2]


@pytest.fixture
def other(backend_on_server: Backend) -> Iterator[Backend]:
    """Return the same store, as another process has it."""
    other = open_store(backend_on_server.location)
    yield other
    other.close()


def connections(server: PostgresServer, database: str) -> int:
    """Return how many the database has."""
    ((number,),) = server.sql(
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"  # noqa: S608 - ours
    )
    assert isinstance(number, int)
    return number


def test_many_providers_take_few_connections(
    server: PostgresServer, backend_on_server: Backend, database: str
) -> None:
    """All are served at once, all have their lock, and the server has room for others."""
    events, clock = EventLog(), SystemClock()
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            seen.append(connections(server, database))

    watcher = threading.Thread(target=watch)
    watcher.start()
    issuers = {
        f"p{number}": Issuer(clock, registries=(f"r{number}.example",))
        for number in range(PROVIDERS)
    }
    records, lock = backend_on_server.records, backend_on_server.lock
    engine = Engine(issuers, {"shelf": Shelf()}, records=records, lock=lock, events=events)
    assert engine.run().ok
    done.set()
    watcher.join()
    assert set(events.names()) == {"fetched", "written"}
    assert len(records.leases()) == PROVIDERS
    assert 0 < max(seen) <= MOST


def test_a_lost_connection_costs_the_locks_that_it_had(
    server: PostgresServer,
    backend_on_server: Backend,
    other: Backend,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Others can have those at once, new ones are sound, and each loss is told at its end."""
    lock = backend_on_server.lock
    with ExitStack() as held:
        for name in ("one", "two"):
            held.enter_context(lock.hold(name, 0))
        server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"  # noqa: S608 - ours
            " JOIN pg_stat_activity USING (pid)"
            f" WHERE locktype = 'advisory' AND datname = '{database}'"
        )
        held.enter_context(lock.hold("three", 1))
        held.enter_context(other.lock.hold("one", 1))
        for name in ("one", "three"):
            with pytest.raises(LockTimeoutError), other.lock.hold(name, 0.1):
                pass
    told = [record.getMessage() for record in caplog.records]
    assert sorted(told) == [
        f"the lock of {name} was lost while it was held: the connection ended"
        for name in ("one", "two")
    ]
    with ExitStack() as held:
        for name in ("one", "two", "three"):
            held.enter_context(other.lock.hold(name, 1))


def test_a_lock_is_let_go_while_others_of_the_process_are_held(
    backend_on_server: Backend, other: Backend
) -> None:
    """They are on one connection, and each ends for itself."""
    with backend_on_server.lock.hold("long", 0):
        for _ in range(3):
            short = backend_on_server.lock.hold("short", 0)
            with short, pytest.raises(LockTimeoutError), other.lock.hold("short", 0):
                pass
            with other.lock.hold("short", 0):
                pass
        with pytest.raises(LockTimeoutError), other.lock.hold("long", 0):
            pass


def test_a_frozen_server_holds_up_no_crowd(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """Each call fails after about its own patience, however many wait with it."""
    links = Links(Server(backend_on_server.location), patience=1.0)
    records, locks = SqlRecords(PostgresDatabase(links)), AdvisoryLocks(links)
    assert records.leases() == {}

    def save(name: str) -> None:
        records.save_lease(name, Lease())

    def hold(name: str) -> None:
        with locks.hold(name, 60):
            pass

    def call(number: int) -> float:
        begun = time.monotonic()
        with pytest.raises(StoreError):
            (save if number % 2 else hold)(f"p{number}")
        return time.monotonic() - begun

    with server.frozen(), ThreadPoolExecutor(PROVIDERS) as pool:
        assert max(pool.map(call, range(PROVIDERS))) < 5
    assert records.leases() == {}
    links.close()
