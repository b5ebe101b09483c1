"""One file with secrets, and how it may be written: its mode, and in which way."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from refresher.sinks import files
from refresher.sinks.files import PRIVATE, Seen
from refresher.sinks.locks import exclusive

MAX_BYTES: Final = 64 * 1024 * 1024
"""A larger file is no file of credentials: ten thousand of the longest fit in it."""

_OTHERS: Final = 0o077
# Why a file can't be replaced although it may be writable: it or its directory is
# mounted, read-only, somebody else's or in a sticky directory.
_NOT_REPLACEABLE: Final = frozenset(
    {errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS, errno.EXDEV}
)
_IN_PLACE: Final = (
    "{} was written in place, for it can't be replaced ({}): readers may meet half a file; "
    "mount its directory and not the file alone, or make the directory writable"
)
_NOT_LISTED: Final = (
    "{} was written in place, for its directory can't be listed, and a new file that a killed run "
    "leaves there would never be found: make the directory readable"
)
_NO_LIST: Final = (
    "{} has lost its access control list, which can't be given to a new file, and its group has no "
    "rights: set write to auto or in-place"
)
_NEW_OWNER: Final = "{} has another owner now: the old one can't be given to a new file"
_OPEN_TO_OTHERS: Final = (
    '{} is open to others (mode {:04o}): set mode to "0600", or to what they need'
)
_NOT_WRITABLE: Final = (
    "{} can't be written: {} is read-only, or not this user's; set path to another place, or mount "
    "one that can be written"
)
_STRICTER: Final = "{} keeps its mode {:04o}, which is stricter than the set one"


class How(StrEnum):
    """The way in which a file is written; see `refresher.sinks.files`."""

    AUTO = "auto"
    """Atomically where possible, else in place."""
    ATOMIC = "atomic"
    IN_PLACE = "in-place"
    """A missing file is made atomically all the same: there is none to keep."""


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """A file at `path`, where a symbolic link may stand for it.

    A new file gets `mode`, by default 0600. An existing one keeps its own, less what
    `mode` does not allow. `patience` is how long to wait for a lock, in seconds.
    """

    path: Path
    mode: int | None = None
    how: How = How.AUTO
    patience: float = 5.0

    def look(self) -> Seen:
        """Return the file as it is now. Raises `OSError`."""
        return files.look(self.path, MAX_BYTES)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs of this package off the file, and make its directory if needed.

        Raises `OSError`, and `TimeoutError` when `patience` is over.
        """
        target = self.look().path
        files.make_directory(target.parent)
        with exclusive(target, self.patience) as alone:
            if alone:
                files.remove_leftovers(target)
            yield

    def put(self, seen: Seen, data: bytes) -> tuple[str, ...]:
        """Write `data` where `seen` was seen; return what a person should know of it.

        Raises `OSError`, or `ChangedError` if the file is another by now.
        """
        mode = self._allowed(seen.mode)
        if self.how is How.IN_PLACE and seen.stat is not None:
            files.write_over(seen, data, mode)
            return ()
        if self.how is How.AUTO and not files.would_find_leftovers(seen):
            with suppress(PermissionError, FileNotFoundError):
                files.write_over(seen, data, mode)
                return (_NOT_LISTED.format(self.path),)
        try:
            kept = files.replace(seen, data, mode, keep_all=self.how is How.AUTO)
        except OSError as error:
            if not self._may_write_over(seen, error):
                raise
            files.write_over(seen, data, mode)
            return (_IN_PLACE.format(self.path, error.strerror),)
        lost = ((kept.owner, _NEW_OWNER), (kept.access_list, _NO_LIST))
        return tuple(note.format(self.path) for stayed, note in lost if not stayed)

    def is_loose(self, seen: Seen) -> bool:
        """Tell whether an existing file has a mode that `mode` does not allow."""
        return seen.mode is not None and seen.mode != self._allowed(seen.mode)

    def tighten(self, seen: Seen) -> None:
        """Take from an existing file what `mode` does not allow. Raises `OSError`."""
        if self.is_loose(seen):
            seen.path.chmod(self._allowed(seen.mode))

    def obstacles(self, seen: Seen) -> tuple[str, ...]:
        """Return why the file could not be written, as far as can be told without trying."""
        directory = seen.path.parent
        while not directory.exists() and directory != directory.parent:
            directory = directory.parent
        if os.access(directory, os.W_OK | os.X_OK):
            return ()
        if seen.stat is not None and os.access(seen.path, os.W_OK) and self.how is not How.ATOMIC:
            return ()
        return (_NOT_WRITABLE.format(self.path, directory),)

    def notes(self, seen: Seen) -> tuple[str, ...]:
        """Return what a person should know of the mode of the file that was there."""
        if seen.mode is None:
            return ()
        if self.mode is None and seen.mode & _OTHERS:
            return (_OPEN_TO_OTHERS.format(self.path, seen.mode),)
        if self.mode is not None and self.mode & ~seen.mode:
            return (_STRICTER.format(self.path, seen.mode & self.mode),)
        return ()

    def _allowed(self, mode: int | None) -> int:
        if mode is None:
            return PRIVATE if self.mode is None else self.mode
        return mode if self.mode is None else mode & self.mode

    def _may_write_over(self, seen: Seen, error: OSError) -> bool:
        fallback = self.how is How.AUTO and seen.stat is not None
        return fallback and error.errno in _NOT_REPLACEABLE
