"""The log on standard error, so that whoever is stuck reading it holds nobody up.

A log driver that stops reading leaves a full pipe, and from then on each `write`
to it blocks. So the lines wait here, and not those who write them.
"""

import atexit
import io
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TextIO, cast

from refresher.observe.log import Format, LogEvents
from refresher.ports import Event, EventName, Severity

_LIMIT: Final = 1024 * 1024
_PATIENCE: Final = 1.0


def log_to_stderr(level: Severity, fmt: Format) -> LogEvents:
    """Return a log on standard error whose `emit` never waits.

    From now on whatever else this process writes to `sys.stderr` takes the same
    way, a crash report too, until it ends.
    """
    stream = sys.stderr
    direct = LogEvents(stream, level, fmt)
    if stream is None:
        # The caller closed it, so nobody can be stuck.
        return direct
    if fmt is Format.AUTO and stream.isatty():
        fmt = Format.CONSOLE
    backlog = Backlog(stream, partial(_told, fmt))
    atexit.register(backlog.close)
    # It stays in place: written directly, the report of a crash could block for ever.
    sys.stderr = cast("TextIO", backlog)
    return LogEvents(sys.stderr, level, fmt)


def _told(fmt: Format, lost: int) -> str:
    """Return the line that tells how many are missing."""
    line = io.StringIO()
    detail = f"standard error took nothing for a while; lines that are missing here: {lost}"
    event = Event(EventName.LOG_LOST, Severity.WARNING, detail=detail)
    LogEvents(line, fmt=fmt).emit(event)
    return line.getvalue()


class Backlog:
    """A text stream in front of another one: `write` returns at once, a thread writes.

    When more than `limit` characters wait, the oldest are dropped: the newest tell
    how things stand, and the last of all why the process ended. The text that
    `told` makes of the number of lines that were lost takes their place.
    """

    def __init__(
        self,
        stream: TextIO,
        told: Callable[[int], str],
        *,
        limit: int = _LIMIT,
        patience: float = _PATIENCE,
    ) -> None:
        """Write to `stream`. `patience` is the longest wait of `close` in seconds."""
        self._stream = stream
        self._told = told
        self._limit = limit
        self._patience = patience
        self._waiting: deque[str] = deque()
        self._size = 0
        self._lost = 0
        self._closed = False
        self._writer: threading.Thread | None = None
        # Its lock is re-entrant: a signal handler may write while its own thread does.
        self._changed = threading.Condition()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return self._stream.encoding or "utf-8"

    @property
    def errors(self) -> str:
        """What becomes of a character that the encoding can't express."""
        return "backslashreplace"

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream, for a program that is to inherit it."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Take `text`. What is written after `close` is lost."""
        if not isinstance(text, str):
            # click finds out by this that a stream takes no bytes.
            raise TypeError(f"text is needed, not {type(text).__name__}")
        with self._changed:
            if text and not self._closed:
                self._waiting.append(text)
                self._size += len(text)
                self._drop()
                self._see_to_the_writer()
                self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Do nothing: what was taken is on its way, and waiting is what nobody should."""

    def close(self) -> None:
        """Wait until all is written, as long as the stream lets it, within the patience."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._writer is not None:
            self._writer.join(self._patience)

    def _drop(self) -> None:
        while self._size > self._limit and len(self._waiting) > 1:
            oldest = self._waiting.popleft()
            self._size -= len(oldest)
            self._lost += oldest.count("\n")

    def _see_to_the_writer(self) -> None:
        if self._writer is not None and self._writer.is_alive():
            return
        writer = threading.Thread(target=self._work, name="log", daemon=True)
        try:
            writer.start()
        except RuntimeError:
            # No thread is to be had now: the next line tries again.
            return
        self._writer = writer

    def _work(self) -> None:
        missing = 0
        while taken := self._next():
            lost, text = taken
            missing += lost
            try:
                if missing:
                    self._write(self._told(missing))
                    missing = 0
                self._write(text)
            except Exception:  # noqa: BLE001 - the log is the last place that could tell of it
                missing += text.count("\n")

    def _next(self) -> tuple[int, str] | None:
        """Return how many lines were lost and what comes after them; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            # All at once: line by line, a busy process would leave its own writer behind.
            lost, text = self._lost, "".join(self._waiting)
            self._waiting.clear()
            self._size = self._lost = 0
            return lost, text

    def _write(self, text: str) -> None:
        """Write the whole of `text`, however long the stream takes."""
        buffer: Any = getattr(self._stream, "buffer", None)
        # Past the buffer: it loses what does not fit into a pipe that does not block, and its
        # lock would hold up whoever flushes it at the end.
        raw = getattr(buffer, "raw", buffer)
        if raw is None:
            self._stream.write(text)
            self._stream.flush()
            return
        rest = memoryview(text.encode(self.encoding, self.errors))
        while rest:
            written = raw.write(rest)
            if written is None:
                room = select.poll()
                room.register(raw, select.POLLOUT)
                room.poll()
            else:
                rest = rest[written:]
