"""What a file has besides its mode, its owner and its content: extended attributes.

An access control list is one of them (acl(5)). A file that takes another's place has to
bring the same: without the list, its mask would become the rights of the group, and
with another list, inherited from the directory, others would get in.
"""

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Final

_RIGHTS: Final = frozenset({"system.posix_acl_access", "system.nfs4_acl"})
# Digests and signatures of the old content (evm, ima), and rights of programs.
_OF_THE_CONTENT: Final = frozenset({"security.capability", "security.evm", "security.ima"})


def copy_attributes(source: Path, descriptor: int) -> bool:
    """Give an open new file the extended attributes of `source`, as far as possible.

    Returns whether it has the same access control list now, or also none. The rest is
    best effort. Linux only; elsewhere there is nothing to copy.
    """
    theirs, ours = _attributes(source), _attributes(descriptor)
    same = True
    for name in (theirs.keys() | ours.keys()) - _OF_THE_CONTENT:
        try:
            _set(descriptor, name, theirs.get(name), ours.get(name))
        except OSError:
            same = same and name not in _RIGHTS
    return same


def _set(descriptor: int, name: str, wanted: bytes | None, there: bytes | None) -> None:
    if wanted is not None and wanted != there:
        os.setxattr(descriptor, name, wanted)
    elif wanted is None and name in _RIGHTS:
        # Only the rights: a label that the directory gives is the system's own affair.
        os.removexattr(descriptor, name)


def _attributes(file: Path | int) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        names = os.listxattr(file) if sys.platform == "linux" else []
    except OSError as error:
        # Where the file is gone, the look before it is replaced tells.
        if error.errno not in (errno.ENOTSUP, errno.ENOENT):
            raise
        names = []
    for name in names:
        with nullcontext() if name in _RIGHTS else suppress(OSError):
            found[name] = os.getxattr(file, name)
    return found
