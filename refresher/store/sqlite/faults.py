"""What goes wrong with a database file, in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, RefresherError, StoreError
from refresher.store.sqlite import files

_PRIMARY: Final = 0xFF
"""The low byte of a result code is its kind (https://www.sqlite.org/rescode.html)."""

_HEALED_BY_TIME: Final = {
    sqlite3.SQLITE_BUSY: ("is locked by another process", "end what holds it open for so long"),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", "end what holds it open for so long"),
    sqlite3.SQLITE_PROTOCOL: ("is locked by another process", "keep the store on a local disk"),
    sqlite3.SQLITE_FULL: ("has no room: the disk is full", "free some space; nothing was changed"),
    sqlite3.SQLITE_IOERR: ("can't be read or written", "look at the disk and at its quota"),
    sqlite3.SQLITE_NOMEM: ("can't be read: there is no memory left", "give the process more"),
}
_NO_MORE_FILES: Final = (
    "has no room: the disk takes no more files",
    "remove some files; nothing was changed",
)
_USED_UP: Final = (
    "can't be opened: there are too many open files, or the disk fails, as it seems",
    "look for too many open files, at the disk and at its quota",
)
_AWAY: Final = "move it away or restore a backup; it was left as it is"
_HEALED_BY_PEOPLE: Final = {
    sqlite3.SQLITE_NOTADB: ("is no database, or an encrypted one", _AWAY),
    sqlite3.SQLITE_CORRUPT: ("is damaged", _AWAY),
    sqlite3.SQLITE_PERM: ("is not accessible", "make the file and its directory writable"),
}
_DENIED: Final = {
    sqlite3.SQLITE_CANTOPEN: "can't be opened",
    sqlite3.SQLITE_READONLY: "is read-only",
}
_UNREADABLE: Final = ("holds what this version can't read", _AWAY)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the faults of the database at `path` into `StoreError` or `PermanentError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        raise files.explain(error, path) from error
    except UnicodeEncodeError:
        # Without its cause, which carries the whole text: that may be a secret.
        raise PermanentError(
            f"the store {path} can't hold text that is no valid Unicode",
            hint="write the value again, in UTF-8",
        ) from None
    except UnicodeDecodeError as error:
        # SQLite tells of a damaged schema, and quotes it.
        raise PermanentError(_sentence(path, _UNREADABLE[0]), hint=_UNREADABLE[1]) from error


def is_busy(error: sqlite3.Error | BlockingIOError) -> bool:
    """Tell whether another connection, or the maker of the file, is in the way."""
    if isinstance(error, BlockingIOError):
        return True
    return _kind(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


def explain(error: sqlite3.Error, path: Path) -> RefresherError:
    """Return what an error of SQLite at `path` means for the store."""
    if _code(error) == sqlite3.SQLITE_READONLY_DBMOVED:
        what = "was removed or replaced while it was written"
        return StoreError(_sentence(path, what), hint="the next call uses what is there then")
    kind = _kind(error)
    if kind in _DENIED:
        return _unopened(path, _DENIED[kind])
    if kind in _HEALED_BY_TIME:
        what, hint = _HEALED_BY_TIME[kind]
        return StoreError(_sentence(path, what), hint=hint)
    what, hint = _HEALED_BY_PEOPLE.get(kind, _UNREADABLE)
    return PermanentError(_sentence(path, what), hint=hint)


def _unopened(path: Path, denied: str) -> RefresherError:
    """Return what it means that SQLite could not open the file or its journal, or only to read.

    SQLite does not say why (os_unix.c, unixOpen): what can be seen of the place has to.
    """
    usable = os.access(path.parent, os.W_OK | os.X_OK)
    if usable and not os.path.lexists(path):
        return StoreError(
            _sentence(path, "went away while it was opened"), hint="the next call makes a new one"
        )
    if not usable or not os.access(path, os.R_OK | os.W_OK):
        hint = f"make the file and its directory writable for user {os.geteuid()}"
        return PermanentError(_sentence(path, denied), hint=hint)
    what, hint = _lack(path.parent)
    return StoreError(_sentence(path, what), hint=hint)


def _lack(directory: Path) -> tuple[str, str]:
    try:
        room = os.statvfs(directory)
    except OSError:
        return _USED_UP
    if not room.f_bavail:
        return _HEALED_BY_TIME[sqlite3.SQLITE_FULL]
    # A file system that makes room for files as it needs it counts none at all.
    return _NO_MORE_FILES if room.f_files and not room.f_favail else _USED_UP


def _kind(error: sqlite3.Error) -> int:
    return _code(error) & _PRIMARY


def _code(error: sqlite3.Error) -> int:
    # Errors that Python itself raises, as for a value of no known type, have no code.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code


def _sentence(path: Path, what: str) -> str:
    return f"the store {path} {what}"
