"""Several processes at one store: killed, crowded, forked."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from refresher.errors import LockTimeoutError
from refresher.ports import StoredCredential
from refresher.store import open_store
from tests.store.workers import REGISTRIES, TURNS, generation, lease

_ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> "subprocess.Popen[str]":
    """Start a worker in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.workers", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a worker, and give it and its first line; at the end it is killed."""
    with start(*arguments) as worker:
        assert worker.stdout is not None
        try:
            yield worker, worker.stdout.readline()
        finally:
            worker.kill()


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """What a killed writer had reported is there, whole turns only, and the next one goes on."""
    path = tmp_path / "refresher.db"
    number = 0
    for turn in range(6):
        with started("endless", str(path), str(number)) as (worker, first):
            time.sleep(0.017 * turn)
            worker.send_signal(signal.SIGKILL)
            assert worker.stdout is not None
            reported = max(int(line) for line in (first + worker.stdout.read()).splitlines())
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        backend = open_store(str(path))
        found = backend.store.find_all("default", REGISTRIES)
        assert found in [dict.fromkeys(REGISTRIES, generation(reported + n)) for n in (0, 1)]
        assert backend.records.lease("prod") in [lease(reported), lease(reported + 1)]
        deliveries = backend.records.deliveries("prod").values()
        assert len({delivery.fingerprint for delivery in deliveries}) == 1
        backend.close()
        number = reported + 2


def test_a_kill_at_birth_leaves_a_database_that_works(tmp_path: Path) -> None:
    """A process that is killed while it makes a database leaves one that the next can use."""
    for turn in range(4):
        directory = tmp_path / str(turn)
        directory.mkdir()
        with started("births", str(directory), "") as (worker, _):
            time.sleep(0.003 * turn)
            worker.send_signal(signal.SIGKILL)
        for path in directory.glob("*.db"):
            backend = open_store(str(path))
            assert backend.store.find("default", "a.example") in (None, generation(int(path.stem)))
            backend.store.put("default", {"a.example": generation(1)})
            backend.close()


def test_a_database_that_is_removed_after_a_kill_begins_anew(tmp_path: Path) -> None:
    """Whatever a killed writer left beside the file, without the file there is an empty store."""
    path = tmp_path / "refresher.db"
    for turn in range(4):
        with started("endless", str(path), "0") as (worker, _):
            time.sleep(0.01 * turn)
            worker.send_signal(signal.SIGKILL)
        path.unlink()
        backend = open_store(str(path))
        assert backend.store.find_all("default", REGISTRIES) == {}
        backend.store.put("default", {"a.example": generation(turn)})
        assert backend.store.find("default", "a.example") == generation(turn)
        backend.close()


def test_a_crowd_loses_no_update(tmp_path: Path) -> None:
    """Eight processes that start at once on no database all write, and nothing is lost or busy."""
    path = tmp_path / "refresher.db"
    (tmp_path / "counter").write_text("0")
    names = [f"worker-{number}" for number in range(8)]
    workers = [start("crowd", str(path), name, str(tmp_path)) for name in names]
    fingerprints = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 8
    assert len(set(fingerprints)) == 1
    assert (tmp_path / "counter").read_text() == str(8 * TURNS)
    backend = open_store(str(path))
    expected: dict[str, StoredCredential] = {
        f"{name}-{number}.example": generation(number) for name in names for number in range(TURNS)
    }
    assert backend.store.find_all("default", expected) == expected
    assert len(backend.records.deliveries("prod")) == 8 * TURNS
    assert backend.records.leases() == dict.fromkeys(names, lease(TURNS - 1))
    backend.close()


def test_a_killed_holder_frees_its_lock(tmp_path: Path) -> None:
    """A lock excludes other processes, and is free once its holder is killed."""
    lock = open_store(str(tmp_path / "refresher.db")).lock
    with started("hold", str(tmp_path / "refresher.db"), "prod") as (worker, command):
        with pytest.raises(LockTimeoutError), lock.hold("prod", 0.05):
            pass
        with lock.hold("other", 0):
            pass
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        try:
            with lock.hold("prod", 5):
                os.kill(int(command), 0)
        finally:
            os.kill(int(command), signal.SIGKILL)


def test_a_forked_child_keeps_no_lock(tmp_path: Path) -> None:
    """When the holder lets go, a child that it forked meanwhile does not hold on."""
    path = str(tmp_path / "refresher.db")
    with started("lingering", path, "prod") as (_, child):
        try:
            with open_store(path).lock.hold("prod", 5):
                pass
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_fork_shares_no_connection(tmp_path: Path) -> None:
    """Parent and child both go on after a fork, each with connections of its own."""
    path = tmp_path / "refresher.db"
    with start("fork", str(path), "") as worker:
        assert worker.communicate()[0] == "done\n"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
