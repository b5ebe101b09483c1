"""The bytes of a settings file, or of a pipe in its place: `--config <(decrypt refresher.yaml)`."""

import errno
import os
import select
import stat
import time
from pathlib import Path

_CHUNK = 1 << 16


def read(path: Path, most: int, patience: float) -> bytes:
    """Return up to `most` bytes. A pipe is waited for, `patience` seconds at most.

    Raises `OSError`, also for what is neither a file nor a pipe, and for a pipe
    that nobody writes to: the daemon reads its settings again, and never waits
    for ever.
    """
    # Opened without waiting, and looked at after that: a pipe may never have a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            # A file object that is refused, as for a directory, would not close the descriptor.
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(most)
        if stat.S_ISFIFO(mode):
            return _read_pipe(descriptor, most, time.monotonic() + patience)
    finally:
        os.close(descriptor)
    raise OSError(errno.ENXIO, "it is no regular file")


def _read_pipe(descriptor: int, most: int, end: float) -> bytes:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    content = b""
    while len(content) < most:
        if not poll.poll(max(end - time.monotonic(), 0.0) * 1000):
            raise OSError(errno.ETIMEDOUT, "it is a pipe, and nobody wrote to it in time")
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            break
        content += chunk
    return content[:most]
