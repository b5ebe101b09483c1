"""A copy of the embedded database, made while others use it.

SQLite's online backup takes a few pages at a time and lets others write in between;
whoever does makes it begin again (https://www.sqlite.org/backup.html). Each time it
takes twice as many at once, so that it comes to an end however busy the others are.
The copy appears whole, under its name, or not at all.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, StoreError
from refresher.store.location import MEMORY, file_of
from refresher.store.sqlite import schema
from refresher.store.sqlite.faults import explained
from refresher.store.sqlite.newfile import NewFile
from refresher.store.sqlite.opening import connect

_FIRST_STEP: Final = 256
"""Pages, of 4 KiB each: a writer waits for so many at first."""

_PAUSE: Final = 0.005
_TURN: Final = 0.25
_PATIENCE: Final = 10.0
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNWRITTEN: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR_WRITE: "the disk fails, or a quota is used up",
    sqlite3.SQLITE_IOERR_FSYNC: "the disk fails",
    sqlite3.SQLITE_IOERR_TRUNCATE: "the disk fails",
}
"""What can only be about the copy: nothing is written to the store."""

_STAMPS: Final = (24, 92)
"""Where a file counts its changes, and where it says that its size is as of that count
(https://www.sqlite.org/fileformat.html, 1.3)."""

Watch = Callable[[int, int, int], None]


class _BegunAgainError(Exception):
    """Somebody wrote, and SQLite starts from the first page."""


def back_up(store: Path, target: Path, *, force: bool = False, patience: float = _PATIENCE) -> int:
    """Copy the database at `store` to the file `target`, and return its size in bytes.

    The file is its owner's alone from the first byte; an existing one is replaced with
    `force`. `patience` is how long to wait for others, in seconds.

    Raises `PermanentError` if there is no database or a damaged one, or if there is a
    file already, `StoreError` if something can't be read or written now. Then no copy
    is left, and what was there stays.
    """
    # Unlike those of a Path these raise nothing where this user may not look.
    if not os.path.exists(store):  # noqa: PTH110
        raise PermanentError(
            f"there is no store at {store}", hint="name it in store:, or its settings by --config"
        )
    if os.path.exists(target) and os.path.samefile(target, store):  # noqa: PTH110, PTH121
        raise PermanentError(f"{target} is the store itself", hint="name another file")
    with NewFile(target, force=force) as new:
        with explained(store), closing(connect(store, patience)[1]) as source:
            schema.is_current(source, store)
            source.execute(f"PRAGMA busy_timeout = {round(_TURN * 1000)}")
            _copy(source, new.path, _Places(store, target), time.monotonic() + patience)
        _stamp(new.path)
        return new.keep()


def file_at(location: str) -> Path:
    """Return the file of the store at a location.

    Raises `PermanentError` for a store that is no file: on a server, or in memory.
    """
    if location == MEMORY:
        raise PermanentError(
            "the store is memory, and there is nothing to copy",
            hint="name a file in store:, or with --store",
        )
    if "://" in location:
        raise PermanentError(
            "the store is a database on a server, which has its own way to be copied",
            hint="use pg_dump --format=custom, and pg_restore to restore it",
        )
    return file_of(location)


class _Places:
    """Which file a fault is about."""

    def __init__(self, store: Path, target: Path) -> None:
        self.store = store
        self.target = target

    def locked(self) -> StoreError:
        return StoreError(
            f"the store {self.store} is locked by another process",
            hint="end what holds it open for so long",
        )

    def unwritten(self, reason: str) -> StoreError:
        return StoreError(
            f"the backup {self.target} can't be written: {reason}",
            hint="free some space there, or name a file on another disk",
        )

    def damaged(self) -> PermanentError:
        return PermanentError(
            f"the store {self.store} is damaged, and was not copied",
            hint="restore an earlier backup; it was left as it is",
        )


def _copy(source: sqlite3.Connection, copy: Path, places: _Places, end: float) -> None:
    pages = _FIRST_STEP
    while not _copied(source, copy, pages, _watch(places, end), places):
        pages *= 2
    with closing(_opened(copy)) as made:
        if made.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise places.damaged()


def _copied(
    source: sqlite3.Connection, copy: Path, pages: int, watch: Watch, places: _Places
) -> bool:
    """Copy so many pages at a time; return whether it came to an end."""
    # What an earlier try has left is half a database.
    os.truncate(copy, 0)
    try:
        with closing(_opened(copy)) as target, suppress(_BegunAgainError):
            source.backup(target, pages=pages, progress=watch, sleep=_PAUSE)
            return True
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in _UNWRITTEN:
            raise places.unwritten(_UNWRITTEN[error.sqlite_errorcode]) from error
        raise
    return False


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    # They would help nobody: a copy that is not whole is thrown away.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _stamp(copy: Path) -> None:
    """Give the copy a count of changes that no other has: all of them would begin with one.

    Whoever has the store open, when a copy is written over it in its place, knows by
    that count alone that what was read before is out of date.
    """
    count = os.urandom(4)
    with copy.open("r+b") as file:
        for place in _STAMPS:
            file.seek(place)
            file.write(count)


def _watch(places: _Places, end: float) -> Watch:
    """Return what SQLite calls after each step: it ends what begins again, or waits too long."""
    before: list[int] = []

    def watch(status: int, remaining: int, _total: int) -> None:
        if status in _BUSY:
            if time.monotonic() >= end:
                raise places.locked()
        elif before and remaining >= before[-1]:
            raise _BegunAgainError
        else:
            before.append(remaining)

    return watch
