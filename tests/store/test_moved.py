"""The file is removed, renamed or replaced while backends have it open and idle."""

import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from refresher.errors import StoreError
from refresher.model.credential import Secret
from refresher.store import Backend, open_store
from refresher.store.sqlite.backup import back_up
from refresher.store.sqlite.database import SqliteDatabase
from tests.store.contracts import REGISTRY, named

BACKUP: Final = {f"backup-{number}.example": named("b" * 3000) for number in range(30)}
LATER: Final = {f"later-{number}.example": named("l" * 500) for number in range(40)}
LEFTOVERS: Final = ("-journal", "-wal", "-shm")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Backend, Backend]]:
    """Return two backends, as of two processes, that have both used one file."""
    path = str(tmp_path / "refresher.db")
    pair = open_store(path), open_store(path)
    pair[0].store.put("default", {REGISTRY: named("lost")})
    pair[1].store.put("default", LATER)
    yield pair
    for backend in pair:
        backend.close()


def rename(path: Path) -> None:
    """Move the file out of the way."""
    path.rename(path.with_name("refresher.db.bak"))


def remove_the_directory(path: Path) -> None:
    """Remove the directory with all that is in it."""
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("leftovers", [False, True], ids=["alone", "leftovers"])
@pytest.mark.parametrize("remove", [Path.unlink, rename, remove_the_directory])
def test_without_the_file_a_new_store_begins(
    pair: tuple[Backend, Backend], remove: Callable[[Path], None], *, leftovers: bool
) -> None:
    """Everybody gets the same new, empty store at the next call, whatever lies beside it."""
    path = Path(pair[0].location)
    remove(path)
    if leftovers:
        path.parent.mkdir(exist_ok=True)
        for suffix in LEFTOVERS:
            path.with_name(path.name + suffix).write_bytes(b"of the file that is gone" * 50)
    assert pair[0].store.find("default", REGISTRY) is None
    pair[1].store.put("default", {REGISTRY: named("new")})
    assert pair[0].store.find("default", REGISTRY) == named("new")
    assert pair[0].store.find_all("default", LATER) == {}
    assert pair[0].records.fingerprint("a", Secret("b")) == pair[1].records.fingerprint(
        "a", Secret("b")
    )
    beside = [path.with_name(path.name + suffix) for suffix in LEFTOVERS]
    assert [other for other in beside if other.exists()] == []


def test_what_was_renamed_is_whole(pair: tuple[Backend, Backend]) -> None:
    """The file that was moved away holds all that was written, and can be moved back."""
    path = Path(pair[0].location)
    rename(path)
    pair[0].store.put("default", {REGISTRY: named("new")})
    path.with_name("refresher.db.bak").replace(path)
    for backend in pair:
        assert backend.store.find("default", REGISTRY) == named("lost")
        assert backend.store.find_all("default", LATER) == LATER


@pytest.mark.parametrize("how", ["replace", "copy", "remove-and-copy"])
@pytest.mark.parametrize("vacuum", [False, True], ids=["grown", "other-layout"])
def test_a_restored_backup_is_what_counts(tmp_path: Path, how: str, *, vacuum: bool) -> None:
    """A backup that takes the file's name, or its place, is read as it was, and written to."""
    path, backup = tmp_path / "refresher.db", tmp_path / "backup.db"
    first = open_store(str(path))
    first.store.put("default", BACKUP)
    shutil.copy(path, backup)
    second = open_store(str(path))
    if vacuum:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("DELETE FROM credential; DELETE FROM registry; VACUUM")
    for backend in (first, second):
        backend.store.put("default", LATER)
    if how == "replace":
        backup.replace(path)
    else:
        if how == "remove-and-copy":
            path.unlink()
        shutil.copyfile(backup, path)
    for backend in (second, first):
        assert backend.store.find_all("default", [*BACKUP, *LATER]) == BACKUP
    second.store.put("default", LATER)
    assert first.store.find_all("default", [*BACKUP, *LATER]) == {**BACKUP, **LATER}
    first.close()
    second.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_one_backup_written_over_another_is_what_counts(tmp_path: Path) -> None:
    """Who restores the wrong one first, under a process that only reads, gets the right one."""
    path = tmp_path / "refresher.db"
    with closing(open_store(str(path))) as backend:
        for text in ("wrong", "right"):
            backend.store.put("default", {REGISTRY: named(text)})
            back_up(path, tmp_path / text)
        for text in ("wrong", "right", "wrong"):
            shutil.copyfile(tmp_path / text, path)
            assert backend.store.find("default", REGISTRY) == named(text)
        backend.store.put("default", LATER)
        assert backend.store.find("default", REGISTRY) == named("wrong")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_goes_away_during_a_write_is_told(tmp_path: Path) -> None:
    """What would be written into a file without a name is refused, and the next call works."""
    path = tmp_path / "refresher.db"
    backend, database = open_store(str(path)), SqliteDatabase(path)

    def write(*, removed: bool) -> None:
        with database.writing() as connection:
            if removed:
                path.unlink()
            connection.execute("INSERT INTO environment (name) VALUES ('other')")

    with pytest.raises(StoreError, match="was removed or replaced"):
        write(removed=True)
    write(removed=False)
    backend.store.put("default", {REGISTRY: named("new")})
    database.close()
    backend.close()


def test_who_creates_is_waited_for(tmp_path: Path) -> None:
    """While another process clears what an old file left, the call waits; in the end it says so."""
    path = tmp_path / "refresher.db"
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    hasty = SqliteDatabase(path, patience=0.05)
    with pytest.raises(StoreError, match=str(path)), hasty.reading():
        pass
    release = threading.Timer(0.2, os.close, [descriptor])
    release.start()
    backend = open_store(str(path))
    assert backend.store.find("default", REGISTRY) is None
    release.join()
    backend.close()
