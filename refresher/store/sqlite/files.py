"""Files and directories that only their owner can use, from the first byte."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, RefresherError, StoreError

_ELSEWHERE: Final = "or set store to another path"
_RIGHTS: Final = "let user {user} write there, " + _ELSEWHERE
_IN_THE_WAY: Final = "move away what is in the way, " + _ELSEWHERE
_HINTS: Final = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.EISDIR: _IN_THE_WAY,
    errno.ELOOP: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.ENAMETOOLONG: "set store to a shorter path",
}
"""What to do about the errors that only a person can heal."""

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_OTHERS: Final = 0o077


def make_directory(path: Path) -> None:
    """Create `path` and its missing parents, mode 0700; leave alone what exists.

    Raises `OSError`, also where something else has the name, as a link that
    leads nowhere.
    """
    if path.is_dir():
        return
    for directory in reversed((path, *path.parents)):
        # Asking first: a parent that exists may forbid even the attempt.
        if not directory.is_dir():
            _make_one(directory)


def create_file(path: Path) -> None:
    """Create an empty file, mode 0600 under any umask; leave alone what exists.

    An existing file is not even opened: to close it again would drop the locks
    that SQLite holds on it in this process
    (https://www.sqlite.org/howtocorrupt.html, section 2.2).

    Raises `OSError`.
    """
    with suppress(FileExistsError):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, _FILE_MODE)
        try:
            os.fchmod(descriptor, _FILE_MODE)
        finally:
            os.close(descriptor)


def create_without(leftovers: Iterable[Path], path: Path) -> None:
    """Create a file as `create_file` does, and first remove what an older one left.

    `leftovers` are the files beside `path`. Where it exists, they are its own
    and stay; where it does not, the file that they belong to is gone.

    Raises `OSError`: `BlockingIOError` while another process does the same.
    """
    if os.path.lexists(path):
        return
    with _alone_in(path.parent):
        # Asked again: by now these may be the files of a database in use.
        if not os.path.lexists(path):
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
            create_file(path)


def make_private(path: Path) -> None:
    """Take the rights of group and others from a file if it is there and is ours."""
    with suppress(FileNotFoundError, PermissionError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)


def explain(error: OSError, path: Path, *, hint: str = "") -> RefresherError:
    """Return what an `OSError` at `path` means for the store; `hint` is a better one for it."""
    message = f"the store can't use {path}: {error.strerror or error}"
    known = _HINTS.get(error.errno or 0)
    if known is None:
        return StoreError(message, hint=hint or f"free what is used up, {_ELSEWHERE}")
    return PermanentError(message, hint=hint or known.format(user=os.geteuid()))


def _make_one(directory: Path) -> None:
    try:
        directory.mkdir(_DIRECTORY_MODE)
    except FileExistsError:
        # Another process was faster, or the name is taken by something else.
        if os.path.lexists(directory) and not directory.is_dir():
            reason = os.strerror(errno.ENOTDIR)
            raise NotADirectoryError(errno.ENOTDIR, reason, str(directory)) from None
    else:
        # A umask may have taken bits from the owner too.
        directory.chmod(_DIRECTORY_MODE)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        # Closing unlocks: nothing is forked meanwhile that would keep it for long.
        os.close(descriptor)
