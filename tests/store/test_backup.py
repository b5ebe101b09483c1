"""A backup is whole, whatever happens to the store meanwhile."""

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from refresher.errors import PermanentError, StoreError
from refresher.model.credential import Secret
from refresher.ports import StoredCredential
from refresher.store import open_store
from refresher.store.sqlite import backup
from refresher.store.sqlite.backup import back_up, file_at
from tests.end_to_end.volume import Volume


def filled(path: Path, registries: int = 3, size: int = 20) -> Path:
    """Make a store with some registries, each with a secret of that size."""
    with putting(path) as put:
        put({f"r{number}.example": "x" * size for number in range(registries)})
    return path


@contextmanager
def putting(path: Path) -> Iterator[Callable[[dict[str, str]], None]]:
    """Give what puts secrets into a store by registry."""
    with closing(open_store(str(path))) as backend:

        def put(secrets: dict[str, str]) -> None:
            made = {each: StoredCredential("AWS", Secret(text)) for each, text in secrets.items()}
            backend.store.put("default", made)

        yield put


def secrets(path: Path, registries: int = 3) -> list[str]:
    """Return what a store holds, opened as any store."""
    with closing(open_store(str(path))) as backend:
        names = [f"r{number}.example" for number in range(registries)]
        found = backend.store.find_all("default", names)
        return [found[name].secret.reveal() for name in names]


def test_a_backup_is_a_store(tmp_path: Path) -> None:
    """Everything is in it, it is its owner's alone, and nothing is left beside it."""
    store, copy = filled(tmp_path / "store.db"), tmp_path / "backup" / "copy.db"
    copy.parent.mkdir()
    assert back_up(store, copy) == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]
    assert secrets(copy) == secrets(store) == ["x" * 20] * 3


def _write_for_ever(path: Path, ready: Event) -> None:
    with putting(path) as put:
        for turn in range(1_000_000):
            # All of them at once: a copy in which they differ was torn.
            put({f"r{number}.example": f"{turn:07}" * 500 for number in range(600)})
            ready.set()


def test_a_backup_is_consistent_while_another_process_writes(tmp_path: Path) -> None:
    """Many times larger than one step, and rewritten all the time: the copy is of one moment."""
    store = tmp_path / "store.db"
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    writer = spawn.Process(target=_write_for_ever, args=(store, ready), daemon=True)
    writer.start()
    try:
        assert ready.wait(60)
        for turn in range(3):
            copy = tmp_path / f"{turn}.db"
            assert back_up(store, copy) > 2 * 1024 * 1024
            assert len(set(secrets(copy, 600))) == 1
    finally:
        writer.kill()
        writer.join()


def test_writers_go_on_meanwhile(tmp_path: Path) -> None:
    """Another thread of the process writes between two steps, and loses nothing."""
    store = filled(tmp_path / "store.db", 300, 4000)
    done = threading.Event()

    def write() -> None:
        with putting(store) as put:
            for turn in range(20):
                put({"r0.example": str(turn)})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    turn = 0
    while not done.is_set():
        back_up(store, tmp_path / "copy.db", force=True)
        turn += 1
    thread.join()
    assert turn
    assert secrets(store, 1) == ["19"]


def test_an_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    """And then it is replaced as a whole."""
    store, copy = filled(tmp_path / "store.db"), tmp_path / "copy.db"
    copy.write_text("precious")
    with pytest.raises(PermanentError, match="exists"):
        back_up(store, copy)
    assert copy.read_text() == "precious"
    back_up(store, copy, force=True)
    assert secrets(copy) == ["x" * 20] * 3


@pytest.mark.parametrize("way", ["itself", "a link", "another name"])
def test_a_store_is_never_its_own_backup(tmp_path: Path, way: str) -> None:
    """By whatever name, and whatever force."""
    store = filled(tmp_path / "store.db")
    target = store if way == "itself" else tmp_path / "other.db"
    if way == "a link":
        target.symlink_to(store)
    elif way == "another name":
        target.hardlink_to(store)
    before = store.read_bytes()
    with pytest.raises(PermanentError, match="is the store itself"):
        back_up(store, target, force=True)
    assert store.read_bytes() == before


def test_without_a_store_nothing_is_made(tmp_path: Path) -> None:
    """Neither a store nor a backup of none."""
    with pytest.raises(PermanentError, match="there is no store at"):
        back_up(tmp_path / "store.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_another_programs_database_is_no_store(tmp_path: Path) -> None:
    """Somebody named the wrong file."""
    store = tmp_path / "store.db"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(PermanentError, match="another program"):
        back_up(store, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == [store]


def test_a_damaged_store_is_no_backup(tmp_path: Path) -> None:
    """It would be found out when it is needed."""
    store = filled(tmp_path / "store.db", 50, 4000)
    content = bytearray(store.read_bytes())
    for position in range(3 * 4096, len(content), 4096):
        content[position : position + 64] = os.urandom(64)
    store.write_bytes(content)
    with pytest.raises(PermanentError, match="damaged"):
        back_up(store, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_damage_that_nobody_has_met_yet_is_found(tmp_path: Path) -> None:
    """Reading the rest of the store goes well: its keys are out of order somewhere."""
    store = filled(tmp_path / "store.db", 50, 100)
    content = bytearray(store.read_bytes())
    for page in range(4096, len(content), 4096):
        if content[page] == 0x0D and content[page + 4] > 1:  # a leaf of a table, with two rows
            first, second = slice(page + 8, page + 10), slice(page + 10, page + 12)
            content[first], content[second] = content[second], content[first]
    store.write_bytes(content)
    with pytest.raises(PermanentError, match="is damaged, and was not copied"):
        back_up(store, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_full_disk_is_the_copys(tmp_path: Path) -> None:
    """The store has room enough, and is not blamed; nothing is left of the copy."""
    store = filled(tmp_path / "store.db", 300, 4000)
    folder = tmp_path / "small"
    folder.mkdir()
    with Volume(folder) as volume:
        command = ["-m", "refresher", "store", "backup", str(folder / "copy.db")]
        done = subprocess.run(
            [*volume.inside, sys.executable, *command, "--store", str(store)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == 1
        assert f"the backup {folder / 'copy.db'} can't be written: the disk is full" in done.stderr
        assert list(volume.path.iterdir()) == []


class _Disturbed(sqlite3.Connection):
    """A connection beside which somebody writes after each step of a backup."""

    def __init__(self, store: Path) -> None:
        super().__init__(store, isolation_level=None)
        self.steps: list[int] = []
        self._other = sqlite3.connect(store, isolation_level=None)

    def backup(
        self,
        target: sqlite3.Connection,
        *,
        pages: int = -1,
        progress: Callable[[int, int, int], object] | None = None,
        name: str = "main",
        sleep: float = 0.25,
    ) -> None:
        self.steps.append(pages)

        def watch(status: int, remaining: int, total: int) -> None:
            self._other.execute("UPDATE credential SET email = random()")
            assert progress is not None
            progress(status, remaining, total)

        super().backup(target, pages=pages, progress=watch, name=name, sleep=sleep)

    def close(self) -> None:
        self._other.close()
        super().close()


def test_a_copy_that_is_disturbed_comes_to_an_end(tmp_path: Path) -> None:
    """Each time it takes more at once, until nobody can come between."""
    store = filled(tmp_path / "store.db", 300, 8000)
    places = backup._Places(store, tmp_path / "copy.db")
    places.target.touch()
    with closing(_Disturbed(store)) as source:
        backup._copy(source, places.target, places, time.monotonic() + 10)
        assert source.steps == [256, 512, 1024]
    assert secrets(places.target, 300) == ["x" * 8000] * 300


def test_a_copy_that_has_no_room_is_told(tmp_path: Path) -> None:
    """Whatever the store's own errors look like, which stay its own."""
    store = filled(tmp_path / "store.db")
    places = backup._Places(store, tmp_path / "copy.db")
    places.target.touch()
    for code, error in ((13, StoreError), (778, StoreError), (266, sqlite3.OperationalError)):
        with closing(_Failing(store, code)) as source, pytest.raises(error) as caught:
            backup._copy(source, places.target, places, time.monotonic())
        assert (str(places.target) in str(caught.value)) == (error is StoreError)


class _Failing(sqlite3.Connection):
    """A connection whose backups fail with a code of SQLite."""

    def __init__(self, store: Path, code: int) -> None:
        super().__init__(store)
        self._code = code

    def backup(self, *_: object, **__: object) -> None:
        error = sqlite3.OperationalError("canary")
        error.sqlite_errorcode = self._code
        raise error


def test_what_is_watched_for(tmp_path: Path) -> None:
    """A step is begun anew where the number of pages that are left does not fall."""
    watch = backup._watch(backup._Places(tmp_path, tmp_path), time.monotonic())
    for remaining in (512, 256, 10):
        watch(0, remaining, 768)
    with pytest.raises(backup._BegunAgainError):
        watch(0, 10, 768)
    watch = backup._watch(backup._Places(tmp_path, tmp_path), time.monotonic() + 60)
    for status in (0, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        watch(status, 512, 768)
    watch(0, 256, 768)
    with pytest.raises(StoreError, match="is locked"):
        backup._watch(backup._Places(tmp_path, tmp_path), 0.0)(sqlite3.SQLITE_BUSY, 512, 768)


def test_a_locked_store_is_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    """Whoever has it, has it; the next try may do."""
    store = filled(tmp_path / "store.db")
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is locked by another process"):
            back_up(store, tmp_path / "copy.db", patience=0.05)
    assert not (tmp_path / "copy.db").exists()
    back_up(store, tmp_path / "copy.db", patience=0.05)


@pytest.mark.parametrize(
    ("location", "said", "hint"),
    [
        ("memory", "nothing to copy", "--store"),
        ("postgresql://ann@db.example/registry", "database on a server", "pg_dump"),
    ],
)
def test_what_is_no_file_has_no_file(location: str, said: str, hint: str) -> None:
    """A server's database is copied by its own tools; its address is not repeated."""
    with pytest.raises(PermanentError, match=said) as caught:
        file_at(location)
    assert hint in caught.value.hint
    assert "ann" not in str(caught.value)
