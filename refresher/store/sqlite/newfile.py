"""A file of secrets that appears whole under its name, or not at all."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from refresher.errors import PermanentError, StoreError

_SUFFIX: Final = ".partial"
_HEALED_BY_TIME: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE})


class NewFile:
    """Makes the file at `target`; use it as a context manager, and write to `path` meanwhile.

    `path` is an empty file beside it, its owner's alone. Unless `keep` was called, it goes at
    the end. One that a killed run has left there goes with the next.
    """

    def __init__(self, target: Path, *, force: bool = False) -> None:
        """With `force` an existing file is replaced; its readers see the old or the new one."""
        self.target = target
        self.path = target
        self._force = force
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Make the empty file.

        Raises `PermanentError` if `target` exists, and may not or can't be replaced, or
        `StoreError`.
        """
        self._refuse()
        with self._explained():
            self._remove_leftovers()
            self._descriptor, name = tempfile.mkstemp(_SUFFIX, self._prefix, dir=self.target.parent)
            # Held until the file has its name: whoever finds it open leaves it alone.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.path = Path(name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what has no name by now."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def keep(self) -> int:
        """Give the file its name, once it is on the disk, and return its size in bytes.

        Raises as at the beginning.
        """
        with self._explained():
            os.fsync(self._descriptor)
            size = os.fstat(self._descriptor).st_size
            self._name()
            _sync_directory(self.target.parent)
        return size

    @property
    def _prefix(self) -> str:
        return f".{self.target.name}."

    def _refuse(self) -> None:
        if not os.path.lexists(self.target):
            return
        if not self._force:
            raise self._taken()
        # Unlike those of a Path these raise nothing where this user may not look.
        if os.path.exists(self.target) and not os.path.isfile(self.target):  # noqa: PTH110, PTH113
            raise PermanentError(f"{self.target} is no regular file", hint="name another")

    def _name(self) -> None:
        if not self._force:
            try:
                # Unlike a rename, a link never takes the place of what is there.
                self.target.hardlink_to(self.path)
            except FileExistsError:
                raise self._taken() from None
            except OSError:
                # Some file systems have no links.
                self._refuse()
            else:
                return
        self.path.replace(self.target)

    def _taken(self) -> PermanentError:
        return PermanentError(
            f"{self.target} exists, and was left as it is", hint="name another, or add --force"
        )

    def _remove_leftovers(self) -> None:
        for name in os.listdir(self.target.parent):  # noqa: PTH208 - a name may hold what a pattern means
            if name.startswith(self._prefix) and name.endswith(_SUFFIX):
                _remove_unless_open(self.target.parent / name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the file {self.target} can't be written: {error.strerror}"
            if error.errno in _HEALED_BY_TIME:
                raise StoreError(message, hint="free what is used up, or name another") from error
            hint = f"name a place where user {os.geteuid()} can write"
            raise PermanentError(message, hint=hint) from error


def _remove_unless_open(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
