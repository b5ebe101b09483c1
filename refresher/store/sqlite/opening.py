"""A connection to a database file, which is made when it is missing and refused when it is lost."""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.store.sqlite import files

_HEADER: Final = 100
"""What every database begins with, in bytes (https://www.sqlite.org/fileformat.html, 1.3)."""

_LONGEST: Final = 504
"""The longest path in bytes: SQLite keeps 512 and adds `-journal` (os_unix.c, MAX_PATHNAME)."""

_JOURNAL: Final = "-wal"
_BESIDE: Final = ("-journal", _JOURNAL, "-shm")
"""The files that SQLite makes beside a database; the last two in its WAL mode only."""

_PRAGMAS: Final = (
    "PRAGMA foreign_keys = ON",
    # What was reported as stored survives a power cut: the directory is synced
    # too, so that no journal comes back and undoes it.
    "PRAGMA synchronous = EXTRA",
    # A replaced secret is overwritten, not only forgotten.
    "PRAGMA secure_delete = ON",
)

File = tuple[int, int, int]
"""Process, device and inode: tells a file from another that took its name, or from a parent's."""

Lent = tuple[File | None, sqlite3.Connection]
"""A connection, and the file that it leads to."""


def file_at(path: Path) -> File | None:
    """Return which file has the path now in this process, None if there is none to be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return os.getpid(), status.st_dev, status.st_ino


def connect(path: Path, timeout: float) -> Lent:
    """Return a connection to the database at the absolute `path`, for one thread at a time.

    It waits `timeout` seconds for others, and leaves transactions to the
    caller. File and directory are created if missing, for their owner alone;
    the journal of a database that is gone goes too.

    Raises `PermanentError` for what is no database file, `sqlite3.Error`, `OSError`.
    """
    beside = [path.with_name(path.name + suffix) for suffix in _BESIDE]
    _refuse_names(path, beside)
    files.make_directory(path.parent)
    files.create_without(beside, path)
    # Looked at first: a file that takes the name now is seen to be another one.
    file = file_at(path)
    _refuse(path)
    # SQLite gives its other files the mode of the first; a killed process may
    # have left some from before it was private.
    for private in (path, *beside):
        files.make_private(private)
    connection = sqlite3.connect(
        # Never created here: SQLite would let others read it.
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    with closed_by_faults(connection):
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    return file, connection


@contextmanager
def closed_by_faults(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Close the connection, and so undo its transaction, if the body raises."""
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _text(raw: bytes) -> str | bytes:
    # Bytes that are no text are told apart by their type, and spoil only their row.
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _refuse_names(path: Path, beside: list[Path]) -> None:
    """Raise what SQLite would tell as a file that can't be opened, without the reason."""
    if len(os.fsencode(path)) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    for other in beside:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(other.lstat().st_mode):
                raise PermanentError(
                    f"the store {path} can't be used: {other.name} beside it is no regular file",
                    hint=f"remove {other}",
                )


def _refuse(path: Path) -> None:
    """Raise `PermanentError` for what SQLite would wait for, or take for a new database."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise PermanentError(
            f"the store {path} is no regular file",
            hint="set store to the path of a file on a local disk",
        )
    if 0 < status.st_size < _HEADER:
        raise PermanentError(
            f"the store {path} is no database: it is too short",
            hint="move it away or restore a backup; it was left as it is",
        )
    journal = path.with_name(path.name + _JOURNAL)
    if not status.st_size and _size(journal):
        raise PermanentError(
            f"the store {path} was emptied, but its journal {journal.name} was not",
            hint="restore a backup, or move both away; they were left as they are",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
