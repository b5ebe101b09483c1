"""Several processes at one server: killed, stopped, crowded, forked; and the server itself."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from refresher.errors import LockTimeoutError, StoreError
from refresher.ports import StoredCredential
from refresher.store import Backend
from refresher.store.postgres.database import PostgresDatabase
from refresher.store.postgres.links import Links
from refresher.store.postgres.locks import AdvisoryLocks
from refresher.store.postgres.server import Server
from refresher.store.records import SqlRecords
from tests.doubles.postgres import PostgresServer
from tests.store.contracts import LEASES, REGISTRY, named
from tests.store.test_processes import start, started
from tests.store.workers import REGISTRIES, TURNS, generation, lease


def test_a_kill_at_any_moment_loses_nothing(backend_on_server: Backend) -> None:
    """What a killed writer had reported is there, whole turns only, and the next one goes on."""
    backend, number = backend_on_server, 0
    for turn in range(4):
        with started("endless", backend.location, str(number)) as (worker, first):
            time.sleep(0.017 * turn)
            worker.send_signal(signal.SIGKILL)
            assert worker.stdout is not None
            reported = max(int(line) for line in (first + worker.stdout.read()).splitlines())
        # The server may still be at work on the last message of the dead.
        backend.store.put("other", {"wait.example": generation(0)})
        found = backend.store.find_all("default", REGISTRIES)
        assert found in [dict.fromkeys(REGISTRIES, generation(reported + n)) for n in (0, 1)]
        assert backend.records.lease("prod") in [lease(reported), lease(reported + 1)]
        deliveries = backend.records.deliveries("prod").values()
        assert len({delivery.fingerprint for delivery in deliveries}) == 1
        number = reported + 2


def test_a_crowd_loses_no_update(tmp_path: Path, backend_on_server: Backend) -> None:
    """Six processes that start at once on an empty database all write, and nothing is lost."""
    (tmp_path / "counter").write_text("0")
    location, names = backend_on_server.location, [f"worker-{number}" for number in range(6)]
    workers = [start("crowd", location, name, str(tmp_path)) for name in names]
    fingerprints = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 6
    assert len(set(fingerprints)) == 1
    assert (tmp_path / "counter").read_text() == str(6 * TURNS)
    expected: dict[str, StoredCredential] = {
        f"{name}-{number}.example": generation(number) for name in names for number in range(TURNS)
    }
    assert backend_on_server.store.find_all("default", expected) == expected
    assert len(backend_on_server.records.deliveries("prod")) == 6 * TURNS
    assert backend_on_server.records.leases() == dict.fromkeys(names, lease(TURNS - 1))


def test_a_killed_holder_frees_its_lock(backend_on_server: Backend) -> None:
    """A lock excludes other processes, names its holder, and is free once that is killed."""
    lock = backend_on_server.lock
    with started("hold", backend_on_server.location, "prod") as (worker, command):
        with pytest.raises(LockTimeoutError, match=rf"\(process {worker.pid}\)"):
            _hold(backend_on_server, "prod", 0.05)
        with lock.hold("other", 0):
            pass
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        try:
            _hold(backend_on_server, "prod", 5)
            os.kill(int(command), 0)
        finally:
            os.kill(int(command), signal.SIGKILL)


def test_a_forked_child_keeps_no_lock(backend_on_server: Backend) -> None:
    """When the holder lets go, a child that it forked meanwhile does not hold on."""
    with started("lingering", backend_on_server.location, "prod") as (_, child):
        try:
            _hold(backend_on_server, "prod", 5)
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_fork_shares_no_connection(backend_on_server: Backend) -> None:
    """Parent and child both go on after a fork, each with connections of its own."""
    with start("fork", backend_on_server.location, "") as worker:
        assert worker.communicate()[0] == "done\n"


def test_a_connection_of_another_process_is_left_alone(server: PostgresServer) -> None:
    """After a fork the child has its parent's connections, and ends none by using or closing it."""
    database = server.empty_database()
    links = Links(Server(server.url(database)))
    records = SqlRecords(PostgresDatabase(links))
    records.leases()
    (idle,) = links._idle
    idle.process = os.getppid()
    for _ in range(2):
        records.leases()
    links.give_back(idle)
    links.close()
    assert idle.ask("SELECT 1") == (1,)
    idle.close()


def test_a_holder_that_is_gone_has_no_name(server: PostgresServer) -> None:
    """Who lets go between the last try and the question is nobody."""
    links = Links(Server(server.url(server.empty_database())))
    assert AdvisoryLocks(links)._holder(5) == ""
    links.close()


def test_a_foreign_holder_is_told_by_its_session(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """Whoever holds a lock by hand has no process that we could name."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    backend_on_server.records.leases()
    with psycopg.connect(backend_on_server.location, autocommit=True) as other:
        key = _key_of(server, backend_on_server)
        other.execute(f"SELECT pg_advisory_lock({key})".encode())
        words = f"session {other.info.backend_pid} of the server"
        with pytest.raises(LockTimeoutError, match=words):
            _hold(backend_on_server, "prod", 0)


def _key_of(server: PostgresServer, backend: Backend) -> object:
    with backend.lock.hold("prod", 0):
        ((key,),) = server.sql(
            "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory'"
        )
    return key


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_who_halts_in_a_write_holds_up_others_for_a_moment(
    server: PostgresServer, how: signal.Signals
) -> None:
    """A writer that is stopped is told as a lock, and cut by the server; a killed one is gone."""
    database = server.empty_database()
    url = server.url(database)
    links = Links(Server(url), patience=2)
    records = SqlRecords(PostgresDatabase(links))
    records.save_lease("prod", LEASES["whole"])
    with started("stuck", url, "3") as (worker, _):
        with pytest.raises(StoreError, match="is locked by another process"):
            records.save_lease("prod", LEASES["never"])
        assert records.lease("prod") == LEASES["whole"]
        worker.send_signal(how)
        end = time.monotonic() + 20
        while True:
            try:
                records.save_lease("prod", LEASES["never"])
                break
            except StoreError:
                assert time.monotonic() < end
    assert server.sql("SELECT 1 FROM refresher.environment WHERE name = 'stuck'", database) == []
    links.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "crash"])
def test_a_restarted_server_is_used_again_at_once(
    server: PostgresServer, backend_on_server: Backend, how: signal.Signals
) -> None:
    """The first call after a restart is answered, on whichever connections were open before."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    with backend.lock.hold("prod", 0):
        backend.records.leases()
    server.stop(how)
    server.start()
    assert backend.store.find("default", REGISTRY) == named("one")
    _hold(backend, "prod", 0)


def test_a_server_that_starts_is_waited_for(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """A call in the middle of a restart takes a moment longer, and is answered."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    server.stop()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(backend.store.find, "default", REGISTRY)
        time.sleep(0.3)
        server.start()
        assert found.result() == named("one")


def test_a_lock_that_the_server_lost_is_told_and_does_no_harm(
    server: PostgresServer, backend_on_server: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """The work under it comes to its end, and a warning names the lock."""
    with backend_on_server.lock.hold("prod", 0):
        server.restart()
        backend_on_server.store.put("default", {REGISTRY: named("one")})
    assert caplog.messages == ["the lock of prod was lost while it was held: the connection ended"]
    _hold(backend_on_server, "prod", 0)


def test_a_server_that_is_down_costs_a_moment_once(server: PostgresServer) -> None:
    """It is waited for as if it were restarting; after that calls fail at once, until it is up."""
    links = Links(Server(server.url(server.empty_database())), patience=4)
    records, locks = SqlRecords(PostgresDatabase(links)), AdvisoryLocks(links)
    records.save_lease("prod", LEASES["whole"])
    server.stop()
    try:
        spent = [_seconds_in_vain(records, "is away: nothing listens there") for _ in range(2)]
        with pytest.raises(StoreError, match="is away"), locks.hold("prod", 60):
            pass
    finally:
        server.start()
    assert 1 < spent[0] < 4
    assert spent[1] < 1
    assert records.lease("prod") == LEASES["whole"]
    links.close()


@pytest.mark.parametrize("used", [True, False], ids=["connected", "connecting"])
def test_a_frozen_server_costs_seconds(server: PostgresServer, *, used: bool) -> None:
    """A server that is stopped confirms what it is sent; the wait for an answer ends anyway."""
    url = server.url(server.empty_database())
    links = Links(Server(url), patience=1.5)
    records, locks = SqlRecords(PostgresDatabase(links)), AdvisoryLocks(links)
    records.save_lease("prod", LEASES["whole"])
    if not used:
        links.close()
    with server.frozen():
        spent = [_seconds_in_vain(records, "no answer") for _ in range(2)]
    assert max(spent) < 4
    assert records.lease("prod") == LEASES["whole"]
    with locks.hold("prod", 0):
        pass
    links.close()


def _seconds_in_vain(records: SqlRecords, words: str) -> float:
    begin = time.monotonic()
    with pytest.raises(StoreError, match=words) as caught:
        records.save_lease("prod", LEASES["never"])
    assert caught.value.hint
    return time.monotonic() - begin


def _hold(backend: Backend, name: str, wait: float) -> None:
    with backend.lock.hold(name, wait):
        pass
