"""A small file system that fills up, loses its rights and gets them back."""

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.conftest import requires

_ROOT: Final = Path(__file__).parents[2]
_NAMESPACE: Final = ("unshare", "-Urm", "sh", "-euc")
_MOUNT: Final = 'mount -t tmpfs -o "size=$1,nr_inodes=$2" none "$0"; echo mounted; exec sleep 600'


class Volume:
    """A file system of 256 KiB and 30 files at `folder`, for those who are inside its namespace.

    Use it as a context manager. `inside` starts a command there; `path` is its root for us.
    """

    def __init__(self, folder: Path) -> None:
        """Mount it at `folder`, or skip the test where nobody may mount."""
        requires("unshare", package="util-linux")
        requires("nsenter", package="util-linux")
        self._process = subprocess.Popen(
            [*_NAMESPACE, _MOUNT, str(folder), "256k", "30"],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        mounted = self._process.stdout.readline() == "mounted\n"
        if not mounted:
            self._process.communicate()
        requires("user namespaces that may mount", available=mounted)
        self._folder = folder
        self.path = Path(f"/proc/{self._process.pid}/root{folder}")
        self._fillers: list[Path] = []

    def __enter__(self) -> Self:
        """Return the volume."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it go."""
        self._process.kill()
        self._process.communicate()

    @property
    def inside(self) -> Sequence[str]:
        """The words in front of a command that is to see it."""
        pid = str(self._process.pid)
        return ("nsenter", "-t", pid, "-U", "-m", "--preserve-credentials", "--wd")

    def fill(self) -> None:
        """Leave no room in it."""
        self._fillers.append(self.path / "filler")
        with self._fillers[0].open("wb", buffering=0) as filler:
            _until_full(lambda: filler.write(bytes(1024)))

    def use_up_files(self) -> None:
        """Leave room in it, but for no new file."""
        self._fillers += [self.path / f"filler-{number}" for number in range(40)]
        files = iter(self._fillers)
        _until_full(lambda: next(files).touch())

    def make_read_only(self) -> None:
        """Let nobody write to it."""
        self._remount("ro")

    def heal(self) -> None:
        """Undo all of that."""
        self._remount("rw")
        for filler in self._fillers:
            filler.unlink(missing_ok=True)
        self._fillers.clear()

    def _remount(self, how: str) -> None:
        command = ["mount", "-o", f"remount,bind,{how}", str(self._folder)]
        subprocess.run([*self.inside, *command], check=True, capture_output=True)


def _until_full(write: Callable[[], object]) -> None:
    with suppress(OSError):
        while True:
            write()
