"""What an `OSError` at a file means for a target: whether time heals it, and what to do."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from refresher.ports import Busy, Refused

_TRANSIENT: Final = frozenset(
    {
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EINTR,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOENT,  # missing files and directories are made: somebody removed one just now
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ETXTBSY,
    }
)
_MOUNTED: Final = "mount its directory instead of the file alone, or set write to auto"
_ADVICE: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EBUSY: _MOUNTED,
        errno.EISDIR: "name a file in path; docker makes a directory where it mounts no file",
        errno.ELOOP: "its symbolic links lead in a circle",
        errno.ENAMETOOLONG: "set path to a shorter one",
        errno.ENOTDIR: "a directory of path is a file",
        errno.EROFS: "mount a writable volume there (in Kubernetes an emptyDir), or set path",
        errno.EXDEV: _MOUNTED,
    }
)


def outcome(error: OSError, path: Path) -> Busy | Refused:
    """Return what an error at `path` means. An error of a helper file is told of `path` too."""
    reason = f"{path}: {error.strerror or error}"
    if error.errno in _TRANSIENT:
        return Busy(reason)
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refused(f"{reason}: let user {os.geteuid()} read and write it and its directory")
    advice = _ADVICE.get(error.errno or 0)
    return Refused(f"{reason}: {advice}" if advice else reason)
