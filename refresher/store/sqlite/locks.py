"""Locks between the runs of one host, in this process and in others."""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from refresher.store.sqlite import files
from refresher.store.timeout import timed_out

_POLL: Final = 0.05
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")
_READABLE: Final = 60
_OPEN: Final = os.O_CLOEXEC | os.O_NOFOLLOW
_SIGNED: Final = re.compile(r"([0-9]{1,10}) ([A-Za-z0-9._-]{1,64})\n")
_MOST: Final = 100
_DIGITS: Final = 16


class FileLocks:
    """A `Lock` by flock(2) on one file per name in `directory`, on a local disk.

    The kernel frees a lock when its holder dies, however it dies. The files
    stay: to remove one while others wait for it would split the lock.
    """

    def __init__(self, directory: Path) -> None:
        """Take the directory, which is created when it is first needed."""
        self._directory = directory

    @contextmanager
    def hold(self, name: str, wait: float) -> Iterator[None]:
        """Hold the lock of `name`, tried for `wait` seconds, at least once.

        Excludes other processes, other threads and the same thread.

        Raises `LockTimeoutError`, and `StoreError` or `PermanentError` where
        the directory can't be used.
        """
        # Real time, not the engine's clock: what is waited for is another process.
        deadline = time.monotonic() + wait
        holder = os.getpid()
        path = self._directory / _file_name(name)
        while (descriptor := _attempt(path)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise timed_out(name, wait, _signature(path))
            time.sleep(min(_POLL, left))
        try:
            _sign(descriptor)
            yield
        finally:
            _free(descriptor, holder)


def _attempt(path: Path) -> int | None:
    """Return the descriptor of the locked file, None if another holds it."""
    try:
        with suppress(FileNotFoundError):
            return _locked(path)
        # Somebody cleaned the directory at that moment: there is a new file to lock.
        return _locked(path)
    except BlockingIOError:
        return None
    except OSError as error:
        raise files.explain(error, path, hint=_hint(error, path.parent)) from error


def _locked(path: Path) -> int:
    files.make_directory(path.parent)
    files.create_file(path)
    descriptor = os.open(path, os.O_RDWR | _OPEN)
    try:
        _lock(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _hint(error: OSError, directory: Path) -> str:
    if isinstance(error, FileNotFoundError):
        return f"leave {directory} alone while runs are at work"
    if isinstance(error, PermissionError) and os.path.lexists(directory):
        # As a run of another user, root for one, leaves them.
        return f"give {directory} and what is in it to user {os.geteuid()} (chown -R), or remove it"
    return ""


def _lock(descriptor: int, path: Path) -> None:
    """Lock the file, or raise `OSError`: also if it has lost its name, so that it locks nothing."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.path.samestat(os.fstat(descriptor), path.stat()):
        raise FileNotFoundError(path)


def _free(descriptor: int, holder: int) -> None:
    # Unlocked and not only closed: a forked child may have the file open too. It shares
    # the lock, and must not end it when it leaves the holder's block.
    if os.getpid() == holder:
        with suppress(OSError):  # to close it unlocks it too, and the work is done
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    with suppress(OSError):
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Say in the locked file who holds it: a process id, and the host whose process it is."""
    with suppress(OSError):  # on a full disk nobody is named
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)


def _signature(path: Path) -> str:
    """Return who holds a locked file, nothing if it does not say."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | _OPEN | os.O_NONBLOCK)
        try:
            signed = _SIGNED.fullmatch(os.read(descriptor, _MOST).decode(errors="replace"))
        finally:
            os.close(descriptor)
        if signed:
            process, host = signed.groups()
            # Another host is another container here, with process ids of its own.
            place = "" if host == os.uname().nodename else f" of {host}"
            return f"process {process}{place}"
    return ""


def _file_name(name: str) -> str:
    """Return a file name for any text: readable, short, and another for every other text."""
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{_UNSAFE.sub('_', name)[:_READABLE]}-{digest}.lock"
