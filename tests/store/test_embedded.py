"""The embedded backend: the contracts, what lasts, who can read it."""

import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.ports import Lock, Records, Store, StoredCredential
from refresher.store import Backend, open_store
from refresher.store.memory import MemoryStore
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


class Embedded:
    """Makes backends in a directory of the test, and closes them."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> Iterator[None]:
        self._made: list[Backend] = []
        self._path = tmp_path
        yield
        for backend in self._made:
            backend.close()

    def make(self) -> Backend:
        """Return a backend over a new database."""
        backend = open_store(str(self._path / f"{len(self._made)}.db"))
        self._made.append(backend)
        return backend


class TestSqliteStore(Embedded, StoreContract):
    """The contract of the registry store, in a file."""

    def make_store(self) -> Store:
        """Return a new one."""
        return self.make().store


class TestSqliteRecords(Embedded, RecordsContract):
    """The contract of the records, in a file."""

    def make_records(self) -> Records:
        """Return new ones."""
        return self.make().records


class TestFileLocks(Embedded, LockContract):
    """The contract of the lock, with files."""

    def make_lock(self) -> Lock:
        """Return a new one."""
        return self.make().lock


def test_everything_lasts(backend: Backend) -> None:
    """Another opening of the same file finds what was kept, under the same key."""
    backend.store.put("default", {REGISTRY: named("one")})
    backend.records.save_lease("prod", LEASES["whole"])
    backend.records.save_deliveries("prod", {("store", "a", "b"): DELIVERIES["failed"]})
    fingerprint = backend.records.fingerprint("AWS", Secret("token"))
    backend.close()
    again = open_store(backend.location)
    assert again.store.find("default", REGISTRY) == named("one")
    assert again.records.lease("prod") == LEASES["whole"]
    assert again.records.deliveries("prod") == {("store", "a", "b"): DELIVERIES["failed"]}
    assert again.records.fingerprint("AWS", Secret("token")) == fingerprint
    again.close()


def test_a_closed_backend_still_works(backend: Backend) -> None:
    """A call after the end is answered, and leaves no connection behind."""
    backend.store.put("default", {REGISTRY: named("one")})
    backend.close()
    assert backend.store.find("default", REGISTRY) == named("one")
    assert [path.name for path in Path(backend.location).parent.iterdir()] == ["refresher.db"]
    backend.close()


def test_between_two_calls_there_is_one_file(backend: Backend) -> None:
    """A backend that is open and idle has no journal, so that its file can be copied or moved."""
    backend.store.put("default", {REGISTRY: named("one")})
    backend.store.find("default", REGISTRY)
    assert [path.name for path in Path(backend.location).parent.iterdir()] == ["refresher.db"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs a list of open files")
def test_a_close_closes_everything(backend: Backend) -> None:
    """After the end no file of the store is open, those of other threads included."""
    barrier = threading.Barrier(4)

    def use(number: int) -> None:
        barrier.wait()
        backend.records.save_lease(str(number), LEASES["whole"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(4)))
    assert _open_files(backend.location)
    backend.close()
    assert _open_files(backend.location) == []


def test_records_hold_no_secret(backend: Backend) -> None:
    """A fingerprint leaves no trace of its secret in any file."""
    secret = Secret("canary-secret-in-records")
    backend.records.save_lease("prod", LEASES["whole"])
    backend.records.fingerprint("AWS", secret)
    for path in Path(backend.location).parent.iterdir():
        assert secret.reveal().encode() not in path.read_bytes()


def test_a_replaced_secret_is_gone(backend: Backend) -> None:
    """After a renewal and a close the file holds the new secret and no byte of the old one."""
    backend.store.put("default", {REGISTRY: named("canary-old" * 50)})
    backend.store.put("default", {REGISTRY: named("canary-new")})
    backend.close()
    content = Path(backend.location).read_bytes()
    assert b"canary-new" in content
    assert b"canary-old" not in content


def test_a_failure_may_quote_any_file_name(backend: Backend) -> None:
    """A message with bytes that are no text is recorded, with these bytes spelled out."""
    odd = replace(FAILURE, message="no \udcff")
    backend.records.save_lease("prod", Lease(failure=odd))
    assert backend.records.lease("prod").failure == replace(odd, message=r"no \udcff")


def test_what_is_no_text_is_refused_whole(backend: Backend) -> None:
    """Text that is no valid Unicode is refused unseen, and nothing of its call stays."""
    good, bad = named("one"), named("canary-\udc80-secret")
    with pytest.raises(PermanentError, match="no valid Unicode") as caught:
        backend.store.put("default", {"a.example": good, "b.example": bad})
    assert "canary" not in str(caught.value)
    assert backend.store.find("default", "a.example") is None


PUTS = st.lists(
    st.tuples(
        st.sampled_from(["default", "Default"]),
        st.dictionaries(
            st.sampled_from(["a.example", "A.example", "b.example:5000", "B.EXAMPLE:5000"]),
            st.tuples(
                st.sampled_from(["AWS", "aws", "acme"]), st.text(st.characters(codec="utf-8"))
            ),
        ),
    ),
    max_size=12,
)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(puts=PUTS)
def test_memory_and_file_agree(
    backend: Backend, puts: list[tuple[str, dict[str, tuple[str, str]]]]
) -> None:
    """Whatever is put in whatever order, both stores find the same."""
    memory = MemoryStore()
    draw = uuid.uuid4()  # The database is one for all examples.
    for environment, pairs in puts:
        credentials = {
            registry: StoredCredential(username, Secret(secret))
            for registry, (username, secret) in pairs.items()
        }
        for store in (memory, backend.store):
            store.put(f"{environment}-{draw}", credentials)
        for registry in ("a.example", "b.example:5000"):
            found = backend.store.find(f"{environment}-{draw}", registry)
            assert memory.find(f"{environment}-{draw}", registry) == found


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_only_the_owner_can_use_the_files(powerless: Path, umask: int) -> None:
    """Whatever the umask, directories are 0700 and files 0600, and their owner can use them."""
    before = os.umask(umask)
    try:
        path = powerless / "new" / "state" / "refresher.db"
        backend = open_store(str(path))
        with backend.lock.hold("prod", 0):
            backend.store.put("default", {REGISTRY: named("one")})
    finally:
        os.umask(before)
    assert _modes(powerless / "new") == {
        "state": 0o700,
        "state/refresher.db": 0o600,
        "state/refresher.db.locks": 0o700,
        "state/refresher.db.locks/prod-*.lock": 0o600,
    }
    assert (powerless / "new").stat().st_mode & 0o777 == 0o700
    backend.close()


def test_no_moment_lets_others_in(tmp_path: Path) -> None:
    """While databases are made under an open umask, no file is ever open to others."""
    before = os.umask(0)
    done = threading.Event()
    seen: set[int] = set()

    def watch() -> None:
        while not done.is_set():
            for entry in os.scandir(tmp_path):
                try:
                    seen.add(entry.stat().st_mode & 0o777)
                except FileNotFoundError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(10):
            backend = open_store(str(tmp_path / f"{number}.db"))
            backend.store.put("default", {REGISTRY: named("one")})
            backend.close()
    finally:
        done.set()
        watcher.join()
        os.umask(before)
    assert seen == {0o600}


def test_open_files_are_closed_to_others(tmp_path: Path) -> None:
    """A database that others could read is taken from them; a directory that exists is left."""
    path = tmp_path / "refresher.db"
    for name in ("", "-journal"):
        path.with_name(path.name + name).touch()
        path.with_name(path.name + name).chmod(0o664)
    tmp_path.chmod(0o755)
    backend = open_store(str(path))
    backend.store.put("default", {REGISTRY: named("one")})
    assert set(_modes(tmp_path).values()) == {0o600}
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    backend.close()


def _open_files(location: str) -> list[str]:
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(str(descriptor.readlink()))
    return [link for link in links if link.startswith(location)]


def _modes(directory: Path) -> dict[str, int]:
    return {
        _shortened(path.relative_to(directory)): path.stat().st_mode & 0o777
        for path in directory.rglob("*")
    }


def _shortened(path: Path) -> str:
    stem, dash, _ = path.name.rpartition("-")
    return str(path.with_name(f"{stem}-*.lock")) if dash and path.suffix == ".lock" else str(path)
