"""Mutual exclusion between those who change one file, without a lock file.

`flock(2)` is taken on the file's directory, and then on the file where it is there.
Nothing is left behind, a holder that dies lets go, and a read-only directory can be
locked too. The directory serves those who replace the file: a lock on the file alone
goes with the old one. The file serves those who see it through another directory,
as a container does into which it alone is mounted.

Where nothing can be locked (some network file systems, a directory that can't be
read), work goes on without: docker and podman don't lock either, so what counts is
that the file is read again right before and after a change. Where the host is out of
descriptors or memory it does not: a run without a lock could undo another's write,
and time heals that.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

_POLL: Final = 0.005
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_USED_UP: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@contextmanager
def exclusive(
    target: Path,
    wait: float,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Hold the lock of the file `target`; yield whether its directory could be locked.

    The time is the host's own and not that of a `Clock`: others hold the lock in real time.

    Raises `TimeoutError` if the lock can't be had within `wait` seconds, and `OSError`
    where there are no descriptors or no memory for it.
    """
    deadline = monotonic() + wait

    def pause() -> None:
        if monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"is locked by another process for {wait:g} s now")
        sleep(_POLL)

    with ExitStack() as held:
        alone = _hold(target.parent, os.O_DIRECTORY, pause, held)
        _hold(target, 0, pause, held)
        yield alone


def _hold(path: Path, flags: int, pause: Callable[[], None], held: ExitStack) -> bool:
    try:
        descriptor = os.open(path, _FLAGS | flags)
    except OSError as error:
        if error.errno in _USED_UP:
            raise
        return False
    held.callback(os.close, descriptor)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause()
        except OSError:
            return False
        else:
            return True
