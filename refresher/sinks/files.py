"""Files with secrets that others read and write too: look, and replace what was seen.

A replacement is private from its first byte, and it is refused when the file is no
longer what was seen. Two ways lead to it:

- atomic: a new file takes the place of the old one. Readers see the old or the new one,
  and a full disk or a crash costs nothing.
- in place: the old file is written over. Needed where it can't be replaced: it is a mount
  point (`EBUSY`), its directory is read-only, its owner could not be kept.
"""

import errno
import os
import stat
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from refresher.sinks.attributes import copy_attributes

PRIVATE: Final = 0o600
"""The mode of a new file."""

_DIRECTORY: Final = 0o700
_GROUP: Final = 0o070
_MODE: Final = 0o777
_OPEN: Final = os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_NOT_REGULAR: Final = "is no regular file"
_MEBIBYTE: Final = 1024 * 1024


class ChangedError(Exception):
    """The file is not what was seen any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A file at one moment. `path` is without symbolic links, `stat` is None if it is missing."""

    path: Path
    data: bytes
    stat: os.stat_result | None = None

    @property
    def mode(self) -> int | None:
        """The file's permission bits, None if it is missing."""
        return None if self.stat is None else self.stat.st_mode & _MODE

    def same(self, other: "Seen") -> bool:
        """Tell whether both have the same content at the same path."""
        mine, theirs = self.stat is None, other.stat is None
        return (self.path, self.data, mine) == (other.path, other.data, theirs)


def look(path: Path, limit: int) -> Seen:
    """Return the file that `path` leads to; a missing one is empty.

    Raises `OSError`, with `EFBIG` for more than `limit` bytes, `ENXIO` for what is
    no regular file (such a one is never waited for), `EINVAL` for what is no path, and
    `ESTALE` for an open file (`/proc/self/fd/3`) that has no name any more.
    """
    try:
        target = Path(os.path.realpath(path))
        descriptor = os.open(target, os.O_RDONLY | _OPEN)
    except FileNotFoundError:
        return _missing(path, target)
    except ValueError:
        raise OSError(errno.EINVAL, "is no path: it holds what no file's name can") from None
    try:
        return _read(descriptor, target, limit)
    finally:
        os.close(descriptor)


def _missing(path: Path, target: Path) -> Seen:
    # A link in /proc/self/fd leads to an open file, whatever name stands in it.
    with suppress(FileNotFoundError):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, _NOT_REGULAR)
        if not status.st_nlink:
            raise OSError(errno.ESTALE, "leads to a file that is deleted")
    return Seen(target, b"")


def _read(descriptor: int, target: Path, limit: int) -> Seen:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ENXIO, _NOT_REGULAR)
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"is larger than {limit // _MEBIBYTE} MiB")
    return Seen(target, data, status)


def make_directory(path: Path) -> None:
    """Create `path` and its missing parents, mode 0700; leave alone what exists."""
    for directory in reversed((path, *path.parents)):
        # Asking first: a parent that exists may forbid even the attempt.
        if not directory.is_dir():
            with suppress(FileExistsError):
                directory.mkdir(_DIRECTORY)
                # A umask may have taken bits from the owner too.
                directory.chmod(_DIRECTORY)


def remove_leftovers(target: Path) -> None:
    """Remove what a killed process left of `replace`. Only for the holder of the lock."""
    with suppress(OSError):
        for leftover in target.parent.glob(f"{_prefix(target)}*"):
            leftover.unlink(missing_ok=True)


def would_find_leftovers(seen: Seen) -> bool:
    """Tell whether `remove_leftovers` can see what there is: a directory may forbid that.

    Raises `OSError` where it can't be told: a passing fault is no reason to write in place.
    """
    try:
        with os.scandir(seen.path.parent):
            return True
    except PermissionError:
        return False


class Kept(NamedTuple):
    """What a new file has of the one whose place it took."""

    owner: bool = True
    access_list: bool = True


def replace(seen: Seen, data: bytes, mode: int, *, keep_all: bool) -> Kept:
    """Put a new file with `data` in the place of the one that was seen, atomically.

    Returns what the new file has of the old one; with `keep_all` it fails where it
    can't have it all. Without an access control list that the old one had, the group
    has no rights: its bits in `mode` were the mask of the list.

    Raises `OSError` or `ChangedError`; then the file is as it was, and nothing is left over.
    """
    target = seen.path
    temporary = target.parent / f"{_prefix(target)}{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, PRIVATE)
    try:
        try:
            _write_at(descriptor, data)
            kept = _inherit(descriptor, seen, insist=keep_all)
            os.fchmod(descriptor, mode if kept.access_list else mode & ~_GROUP)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _insist(seen)
        os.rename(temporary, target)  # noqa: PTH104 - rename(2) itself, whose errors tell the way
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return kept


def write_over(seen: Seen, data: bytes, mode: int) -> None:
    """Write `data` over the file that was seen, keeping the file itself.

    One write, filled up with blanks to the old length, then cut off: what a reader
    may meet in between is the new content with blanks behind it, or, in a file of
    several pages, a mixture. A crash in that moment may leave one for good: no order of
    steps within one file rules that out, and the next write repairs it, unless it is no
    document any more and refused. If the disk is full, the old content is put back.

    Raises `OSError` or `ChangedError`.
    """
    descriptor = os.open(seen.path, os.O_RDWR | _OPEN)
    try:
        _insist(seen)
        if seen.mode != mode:
            os.fchmod(descriptor, mode)
        try:
            _write_at(descriptor, data.ljust(len(seen.data)))
        except OSError:
            _write_at(descriptor, seen.data)
            os.ftruncate(descriptor, len(seen.data))
            raise
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prefix(target: Path) -> str:
    # Of constant length: a file's name may be as long as a name can be.
    return f".refresher-{zlib.crc32(os.fsencode(target.name)):08x}-"


def _inherit(descriptor: int, seen: Seen, *, insist: bool) -> Kept:
    if seen.stat is None:
        return Kept()
    owner = _own(descriptor, seen.stat)
    access_list = copy_attributes(seen.path, descriptor)
    if insist and not owner:
        raise PermissionError(errno.EPERM, "its owner can't be given to a new file")
    if insist and not access_list:
        raise PermissionError(errno.EPERM, "its access control list can't be given to a new file")
    return Kept(owner, access_list)


def _own(descriptor: int, before: os.stat_result) -> bool:
    made = os.fstat(descriptor)
    if (before.st_uid, before.st_gid) == (made.st_uid, made.st_gid):
        return True
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except OSError:
        return False
    return True


def _insist(seen: Seen) -> None:
    try:
        now = look(seen.path, len(seen.data))
    except OSError:
        raise ChangedError from None
    if not now.same(seen):
        raise ChangedError


def _write_at(descriptor: int, data: bytes) -> None:
    rest, offset = memoryview(data), 0
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
