"""What other processes do to a store: `python -m tests.store.workers JOB LOCATION ARGUMENT...`."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import StoredCredential
from refresher.store import open_store

REGISTRIES = ("a.example", "b.example", "c.example")
START = datetime(2026, 3, 1, tzinfo=UTC)
TURNS = 12


def generation(number: int) -> StoredCredential:
    """Return the credential of one turn."""
    return StoredCredential("AWS", Secret(f"secret-{number}" + "x" * 2000))


def lease(number: int) -> Lease:
    """Return the lease of one turn."""
    return Lease(username=str(number), received=START + timedelta(seconds=number))


def tell(what: object) -> None:
    """Say something to whoever started this process, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def endless(path: str, start: str) -> None:
    """Write turn after turn from `start`, telling each one that is done, until killed."""
    backend = open_store(path)
    for number in count(int(start)):
        backend.store.put("default", dict.fromkeys(REGISTRIES, generation(number)))
        backend.records.save_lease("prod", lease(number))
        places = {
            ("store", "default", name): Delivery(bytes([number % 256])) for name in REGISTRIES
        }
        backend.records.save_deliveries("prod", places)
        tell(number)


def births(path: str, _: str) -> None:
    """Make database after database in a directory, until killed."""
    for number in count():
        backend = open_store(str(Path(path) / f"{number}.db"))
        backend.store.put("default", {"a.example": generation(number)})
        tell(number)
        backend.close()


def crowd(path: str, name: str, folder: str) -> None:
    """Be one of many that write the same database, and step a counter under the lock."""
    backend = open_store(path)
    counter = Path(folder, "counter")
    for number in range(TURNS):
        mine = {f"{name}-{number}.example": generation(number)}
        backend.store.put("default", mine | {"shared.example": generation(number)})
        backend.records.save_deliveries("prod", {("store", name, str(number)): Delivery(b"done")})
        backend.records.save_lease(name, lease(number))
        with backend.lock.hold("prod", 60):
            counter.write_text(str(int(counter.read_text()) + 1))
    tell(backend.records.fingerprint("AWS", Secret("token")).hex())
    backend.close()


def hold(path: str, name: str) -> None:
    """Hold a lock, with a command running, until killed; tell the command's process id."""
    with open_store(path).lock.hold(name, 0), subprocess.Popen(["sleep", "60"]) as command:
        tell(command.pid)
        time.sleep(60)


def stuck(url: str, patience: str) -> None:
    """Come to a halt in the middle of a write on a server, until killed."""
    from refresher.store.postgres.database import PostgresDatabase  # noqa: PLC0415 - where there is
    from refresher.store.postgres.links import Links  # noqa: PLC0415 - a server
    from refresher.store.postgres.server import Server  # noqa: PLC0415 - the same

    database = PostgresDatabase(Links(Server(url), patience=float(patience)))
    with database.writing() as session:
        session.execute("INSERT INTO environment (name) VALUES ('stuck')")
        tell("stuck")
        time.sleep(60)


def fork(path: str, _: str) -> None:
    """Use a store before and after a fork, in both processes, and hold a lock across it."""
    backend = open_store(path)
    backend.records.save_lease("before", lease(1))
    with backend.lock.hold("prod", 0):
        child = os.fork()
        if child == 0:
            ok = backend.records.lease("before") == lease(1)
            backend.records.save_lease("child", lease(2))
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    backend.records.save_lease("parent", lease(3))
    assert set(backend.records.leases()) == {"before", "child", "parent"}
    backend.close()
    tell("done")


def lingering(path: str, name: str) -> None:
    """Let go of a lock while a forked child, which has the file open, lives on."""
    lock = open_store(path).lock
    with lock.hold(name, 0):
        child = os.fork()
        if child == 0:
            time.sleep(60)
    tell(child)
    time.sleep(60)


if __name__ == "__main__":
    jobs = {job.__name__: job for job in (endless, births, crowd, hold, stuck, fork, lingering)}
    jobs[sys.argv[1]](*sys.argv[2:])
