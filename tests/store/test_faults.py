"""What a broken, foreign or unreachable database does: a clear error, and no harm."""

import os
import resource
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from refresher.errors import PermanentError, RefresherError, StoreError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.store import Backend, open_store
from refresher.store.records import SqlRecords
from refresher.store.registries import SqlStore
from refresher.store.sqlite.database import SqliteDatabase
from refresher.store.sqlite.faults import explain
from refresher.store.sqlite.schema import VERSION
from tests.store.contracts import DELIVERIES, LEASES, REGISTRY, named

OPERATIONS: dict[str, Callable[[Backend], object]] = {
    "find": lambda backend: backend.store.find("default", REGISTRY),
    "put": lambda backend: backend.store.put("default", {REGISTRY: named("new")}),
    "fingerprint": lambda backend: backend.records.fingerprint("AWS", Secret("token")),
    "lease": lambda backend: backend.records.lease("prod"),
    "leases": lambda backend: backend.records.leases(),
    "save_lease": lambda backend: backend.records.save_lease("prod", LEASES["never"]),
    "deliveries": lambda backend: backend.records.deliveries("prod"),
    "save_deliveries": lambda backend: backend.records.save_deliveries(
        "prod", {("store", "a", "b"): DELIVERIES["written"]}
    ),
}

GARBAGE = {
    "text": b"hello, this is no database\n",
    "one-byte": b"x",
    "json": b'{"auths": {}}',
    "zeros": bytes(4096),
    "random": bytes(os.urandom(8192)),
    "half-a-header": b"SQLite format 3\0",
    "header-and-garbage": b"SQLite format 3\0" + bytes(range(256)) * 32,
}


def fill(path: Path) -> None:
    """Make a database with something in it."""
    backend = open_store(str(path))
    backend.store.put("default", {f"r{n}.example": named("s" * 500) for n in range(50)})
    backend.records.save_lease("prod", LEASES["whole"])
    backend.close()


def expect(path: Path, kind: type[RefresherError], words: str) -> None:
    """Insist that each operation fails, names the path, says what to do, and changes no byte."""
    before = _contents(path.parent)
    backend = open_store(str(path))
    for operation in OPERATIONS.values():
        with pytest.raises(kind, match=words) as caught:
            operation(backend)
        assert str(path) in str(caught.value)
        assert caught.value.hint
    backend.close()
    assert _contents(path.parent) == before


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is a permanent fault, and its bytes stay."""
    path = tmp_path / "refresher.db"
    path.write_bytes(content)
    path.chmod(0o600)
    expect(path, PermanentError, "is no database|is damaged")


@pytest.mark.parametrize("length", [1, 15, 99, 100, 512, 4095, 4096, 4097, 20480, -4096])
def test_a_truncated_database_is_left_as_it_is(tmp_path: Path, length: int) -> None:
    """A database that was cut off anywhere is a permanent fault, and what is left stays."""
    path = tmp_path / "refresher.db"
    fill(path)
    path.write_bytes(path.read_bytes()[:length])
    expect(path, PermanentError, "is no database|is damaged")


def test_damage_inside_is_told(tmp_path: Path) -> None:
    """Pages that were overwritten behind an intact header are a permanent fault, not an answer."""
    path = tmp_path / "refresher.db"
    fill(path)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    expect(path, PermanentError, "is damaged")


def test_an_emptied_database_with_a_journal_is_left_as_it_is(tmp_path: Path) -> None:
    """A database that lost its bytes while its journal holds some is no new database."""
    path = tmp_path / "refresher.db"
    path.touch(0o600)
    (tmp_path / "refresher.db-wal").write_bytes(b"the latest credentials")
    (tmp_path / "refresher.db-wal").chmod(0o600)
    expect(path, PermanentError, "was emptied")


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """A file without a byte, as `touch` or a crash at birth leaves it, is taken as new."""
    (tmp_path / "refresher.db").touch()
    fill(tmp_path / "refresher.db")


@pytest.mark.parametrize(
    ("mark", "version", "table"),
    [
        (0, 0, "CREATE TABLE lease (provider TEXT)"),
        (0, VERSION, "CREATE TABLE lease (provider TEXT)"),
        (0x12345678, VERSION, "CREATE TABLE lease (provider TEXT)"),
        (0x12345678, 0, "VACUUM"),
        (0, 99, "VACUUM"),
    ],
    ids=["tables", "tables-and-version", "all", "mark", "version"],
)
def test_another_programs_database_is_left_as_it_is(
    tmp_path: Path, mark: int, version: int, table: str
) -> None:
    """A good database with other tables, another mark or just a version is not taken over."""
    path = tmp_path / "refresher.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {mark}")
        connection.execute(table)
    path.chmod(0o600)
    expect(path, PermanentError, "is a database of another program")


def test_a_newer_schema_is_left_as_it_is(tmp_path: Path) -> None:
    """What a newer version wrote is refused, with both numbers, before and during a run."""
    path = tmp_path / "refresher.db"
    fill(path)
    running = open_store(str(path))
    running.records.lease("prod")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(PermanentError, match=f"schema is {VERSION + 1}, .* knows {VERSION}"):
        running.records.save_lease("prod", LEASES["never"])
    running.close()
    expect(path, PermanentError, "newer version of refresher")


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    """A database of ours that somebody took tables from is a permanent fault."""
    path = tmp_path / "refresher.db"
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        tables = ("credential", "registry", "lease", "delivery", "fingerprint_key", "environment")
        for table in tables:
            connection.execute(f"DROP TABLE {table}")
    expect(path, PermanentError, "can't read")


@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Directories, pipes, sockets and devices are refused at once; none is waited for."""
    path = tmp_path / "refresher.db"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path = Path("/dev/null")
    backend = open_store(str(path))
    for operation in OPERATIONS.values():
        with pytest.raises(PermanentError, match="no regular file"):
            operation(backend)


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("exists", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling"])
def test_what_is_no_file_beside_it_is_named(
    tmp_path: Path, kind: str, suffix: str, *, exists: bool
) -> None:
    """In the place of a journal too: the error names what to remove, and nothing is waited for."""
    path = tmp_path / "refresher.db"
    if exists:
        fill(path)
    other = tmp_path / f"refresher.db{suffix}"
    if kind == "directory":
        other.mkdir()
    elif kind == "fifo":
        os.mkfifo(other)
    else:
        other.symlink_to(tmp_path / "nowhere")
    backend = open_store(str(path))
    for operation in OPERATIONS.values():
        with pytest.raises(PermanentError, match=f"{suffix} beside it is no regular") as caught:
            operation(backend)
        assert caught.value.hint == f"remove {other}"
    backend.close()


@pytest.mark.parametrize("length", [255, 250, 248, 247, 10])
def test_a_name_is_refused_for_its_length_or_works(tmp_path: Path, length: int) -> None:
    """A name to which no journal can be added is told as too long; any shorter one works."""
    backend = open_store(str(tmp_path / ("x" * length)))
    if length + len("-journal") > 255:
        with pytest.raises(PermanentError, match="File name too long") as caught:
            backend.records.lease("prod")
        assert "shorter" in caught.value.hint
    else:
        backend.store.put("default", {REGISTRY: named("one")})
    backend.close()


@pytest.mark.parametrize("length", [504, 505, 600])
def test_a_path_is_refused_for_its_length_or_works(tmp_path: Path, length: int) -> None:
    """A path that is longer than SQLite can take is told as too long; the longest one works."""
    parent = tmp_path
    while len(str(parent)) < length - 150:
        parent /= "d" * 100
    backend = open_store(str(parent / ("x" * (length - len(str(parent)) - 1))))
    assert len(backend.location) == length
    if length > 504:
        with pytest.raises(PermanentError, match="File name too long"):
            backend.records.lease("prod")
    else:
        backend.store.put("default", {REGISTRY: named("one")})
    backend.close()


@pytest.mark.parametrize("place", ["file/refresher.db", "loop/refresher.db", "x" * 300])
def test_a_path_that_cannot_be_is_told(tmp_path: Path, place: str) -> None:
    """A parent that is a file, a circle of links and a name that is too long are permanent."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    backend = open_store(str(tmp_path / place))
    for operation in OPERATIONS.values():
        with pytest.raises(PermanentError, match="the store can't use"):
            operation(backend)
    with pytest.raises(PermanentError, match="the store can't use"), backend.lock.hold("prod", 0):
        pass


@pytest.mark.parametrize(
    ("directory", "file"),
    [(0o500, 0o600), (0o700, 0o400), (0o700, 0o000), (0o000, 0o600), (0o500, None)],
    ids=["directory", "file-read-only", "file-closed", "directory-closed", "no-file"],
)
def test_missing_rights_are_told(powerless: Path, directory: int, file: int | None) -> None:
    """Without the right to read or write, each call says who lacks it, and the file stays."""
    path = powerless / "closed" / "refresher.db"
    path.parent.mkdir(0o700)
    if file is not None:
        fill(path)
        path.chmod(file)
    path.parent.chmod(directory)
    backend = open_store(str(path))
    with pytest.raises(PermanentError, match=str(path.parent)) as caught:
        backend.store.put("default", {REGISTRY: named("one")})
    assert "writable" in caught.value.hint or "write there" in caught.value.hint
    backend.close()
    path.parent.chmod(0o700)
    assert path.exists() == (file is not None)


def test_a_lock_directory_without_rights_is_told(powerless: Path) -> None:
    """A lock that can't be made is a permanent fault, not a lock."""
    backend = open_store(str(powerless / "refresher.db"))
    (powerless / "refresher.db.locks").mkdir(0o500)
    with (
        pytest.raises(PermanentError, match=r"refresher\.db\.locks"),
        backend.lock.hold("prod", 0),
    ):
        pass


def test_a_held_database_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """While another process writes, readers go on; a writer waits, and gives up in time."""
    path = tmp_path / "refresher.db"
    fill(path)
    database = SqliteDatabase(path, patience=0.1)
    records = SqlRecords(database)
    known = records.fingerprint("AWS", Secret("token"))
    with _held(path):
        assert records.lease("prod") == LEASES["whole"]
        assert records.fingerprint("AWS", Secret("token")) == known
        with pytest.raises(StoreError, match="is locked by another process"):
            records.save_lease("prod", LEASES["never"])
    records.save_lease("prod", LEASES["never"])
    assert records.lease("prod") == LEASES["never"]
    database.close()


@pytest.mark.parametrize(
    "how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; SELECT * FROM lease"]
)
def test_a_database_that_stays_held_is_waited_for_once(tmp_path: Path, how: str) -> None:
    """Who is stopped in a transaction costs a run of many calls one wait, until it lets go."""
    path = tmp_path / "refresher.db"
    fill(path)
    records = SqlRecords(SqliteDatabase(path, patience=0.6))
    for _ in range(2):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            for statement in how.split(";"):
                other.execute(statement).fetchone()
            waits = [_seconds_in_vain(records) for _ in range(3)]
            assert waits[0] >= 0.6
            assert max(waits[1:]) < 0.5
        records.save_lease("prod", LEASES["never"])


def _seconds_in_vain(records: SqlRecords) -> float:
    began = time.monotonic()
    with pytest.raises(StoreError, match="is locked by another process"):
        records.save_lease("prod", LEASES["never"])
    return time.monotonic() - began


def test_a_disk_that_refuses_bytes_is_told_and_heals(tmp_path: Path) -> None:
    """A write that finds no room is undone and told; with room it works, and nothing was lost."""
    path = tmp_path / "refresher.db"
    fill(path)
    backend = open_store(str(path))
    backend.store.put("default", {REGISTRY: named("old")})
    big = {f"r{n}.example": named("b" * 3000) for n in range(500)}
    with _short_of_room(300_000), pytest.raises(StoreError, match=str(path)):
        backend.store.put("default", big)
    assert backend.store.find("default", REGISTRY) == named("old")
    assert backend.store.find("default", "r1.example") == named("s" * 500)
    backend.store.put("default", big)
    assert backend.store.find("default", "r1.example") == named("b" * 3000)
    backend.close()


def test_too_many_open_files_are_told_and_heal(tmp_path: Path) -> None:
    """A process without free descriptors gets a fault that time heals, from store and lock."""
    path = tmp_path / "refresher.db"
    fill(path)
    backend = open_store(str(path))
    _, hard = limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(StoreError, match="too many open files"):
            backend.records.lease("prod")
        with pytest.raises(StoreError, match="Too many open files"), backend.lock.hold("prod", 0):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert backend.records.lease("prod") == LEASES["whole"]
    backend.close()


def test_a_deleted_database_is_made_anew(backend: Backend) -> None:
    """When the file goes away during a run, the next call begins a new one, with a new key."""
    fingerprint = backend.records.fingerprint("AWS", Secret("token"))
    backend.store.put("default", {REGISTRY: named("one")})
    for path in Path(backend.location).parent.iterdir():
        path.unlink()
    assert backend.store.find("default", REGISTRY) is None
    backend.store.put("default", {REGISTRY: named("two")})
    assert backend.store.find("default", REGISTRY) == named("two")
    assert backend.records.fingerprint("AWS", Secret("token")) != fingerprint


def test_a_replaced_database_is_seen(backend: Backend, tmp_path: Path) -> None:
    """When another database takes the name during a run, its content counts, and its key."""
    other = open_store(str(tmp_path / "other.db"))
    other.store.put("default", {REGISTRY: named("restored")})
    fingerprint = other.records.fingerprint("AWS", Secret("token"))
    other.close()
    backend.store.put("default", {REGISTRY: named("lost")})
    assert backend.records.fingerprint("AWS", Secret("token")) != fingerprint
    for path in Path(backend.location).parent.glob("refresher.db*"):
        path.unlink()
    (tmp_path / "other.db").rename(backend.location)
    assert backend.store.find("default", REGISTRY) == named("restored")
    assert backend.records.fingerprint("AWS", Secret("token")) == fingerprint


def test_an_emptied_schema_is_made_anew(backend: Backend) -> None:
    """A backup from before the first use, copied over the file during a run, is brought up."""
    backend.store.put("default", {REGISTRY: named("one")})
    blank = Path(backend.location).with_name("blank.db")
    with closing(sqlite3.connect(blank)) as source:
        source.execute("VACUUM")
        with closing(sqlite3.connect(backend.location)) as target:
            source.backup(target)
    assert backend.store.find("default", REGISTRY) is None
    backend.store.put("default", {REGISTRY: named("two")})
    assert backend.store.find("default", REGISTRY) == named("two")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_BUSY, StoreError, "is locked by another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreError, "is locked by another process"),
        (sqlite3.SQLITE_FULL, StoreError, "the disk is full"),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, "can't be read or written"),
        (sqlite3.SQLITE_NOMEM, StoreError, "no memory left"),
        (sqlite3.SQLITE_CORRUPT_INDEX, PermanentError, "is damaged"),
        (sqlite3.SQLITE_NOTADB, PermanentError, "is no database"),
        (sqlite3.SQLITE_READONLY, PermanentError, "is read-only"),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreError, "was removed or replaced"),
        (sqlite3.SQLITE_CANTOPEN, PermanentError, "can't be opened"),
        (sqlite3.SQLITE_CONSTRAINT, PermanentError, "can't read"),
        (None, PermanentError, "can't read"),
    ],
)
def test_every_kind_of_error_has_a_sentence(
    tmp_path: Path, code: int | None, kind: type[RefresherError], words: str
) -> None:
    """A result code, extended or not, tells whether time heals the fault and what to do."""
    error = sqlite3.OperationalError("hidden")
    if code is not None:
        error.sqlite_errorcode = code
    explained = explain(error, tmp_path / "absent" / "refresher.db")
    assert type(explained) is kind
    assert words in str(explained)
    assert explained.hint
    assert "hidden" not in str(explained)


def room(blocks: int, files: int, free_files: int) -> os.statvfs_result:
    """Return what statvfs(3) says of a file system with so many free blocks and (free) files."""
    return os.statvfs_result((4096, 4096, 9, blocks, blocks, files, free_files, free_files, 0, 255))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY])
@pytest.mark.parametrize(
    ("found", "words"),
    [
        (room(1, 9, 1), "too many open files"),
        (room(1, 0, 0), "too many open files"),
        (room(0, 9, 1), "the disk is full"),
        (room(1, 9, 0), "the disk takes no more files"),
        (OSError(), "too many open files"),
    ],
    ids=["room", "room, files uncounted", "no room", "no files", "unknown"],
)
def test_what_can_not_be_opened_lacks_something(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    found: os.statvfs_result | OSError,
    words: str,
) -> None:
    """A file that could not be opened although all rights are there is a fault that time heals.

    Where it is only its journal that could not be made, or it could only be opened to be read,
    SQLite says the same.
    """

    def statvfs(_: object) -> os.statvfs_result:
        if isinstance(found, OSError):
            raise found
        return found

    monkeypatch.setattr(os, "statvfs", statvfs)
    (tmp_path / "refresher.db").touch()
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    explained = explain(error, tmp_path / "refresher.db")
    assert isinstance(explained, StoreError)
    assert words in str(explained)
    (tmp_path / "refresher.db").unlink()
    explained = explain(error, tmp_path / "refresher.db")
    assert isinstance(explained, StoreError)
    assert "went away" in str(explained)


def test_busy_at_once_is_waited_for(tmp_path: Path) -> None:
    """Where SQLite itself does not wait, as when two set up one file at once, the call does."""
    path = tmp_path / "refresher.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.close)
    release.start()
    backend = open_store(str(path))
    assert backend.records.lease("prod") == Lease()
    release.join()
    backend.close()


def test_a_copy_made_while_it_runs_is_whole(backend: Backend, tmp_path: Path) -> None:
    """A file that is copied during a run opens as a store of its own."""
    backend.store.put("default", {REGISTRY: named("one")})
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "refresher.db", tmp_path / "copy")
    database = SqliteDatabase(tmp_path / "copy" / "refresher.db")
    assert SqlStore(database).find("default", REGISTRY) == named("one")
    database.close()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def _short_of_room(size: int) -> Iterator[None]:
    _, hard = limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def _contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}
