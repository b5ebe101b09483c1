"""One SQLite database file: its connections and transactions.

Connections are lent: one thread uses each at a time, and threads don't wait for
each other. A forked child uses none of its parent's, as SQLite demands
(https://www.sqlite.org/howtocorrupt.html, section 2.6).
"""

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from refresher.store.decoding import Decoding
from refresher.store.sqlite import schema
from refresher.store.sqlite.faults import explained, is_busy
from refresher.store.sqlite.opening import Lent, closed_by_faults, connect, file_at

_PATIENCE: Final = 10.0
_WHILE_HELD: Final = 0.25
_READ: Final = "BEGIN"
_WRITE: Final = "BEGIN IMMEDIATE"
_TURN: Final = 0.02
_PAUSE: Final = 0.001


class SqliteDatabase(Decoding):
    """The database at the absolute `path`; the first use creates it.

    `patience` is how long in seconds a call waits for other writers. Once that was in
    vain, as for a process that is stopped in the middle of a write, calls hardly wait until
    one has its turn again: a run of many calls would lose all its time with waiting.
    """

    def __init__(self, path: Path, *, patience: float = _PATIENCE) -> None:
        """Take the path, and touch nothing yet."""
        super().__init__(path)
        self.path = path
        self._patience = patience
        self._held: set[str] = set()
        self._closed = False
        self._idle: deque[Lent] = deque()
        self._turns = (os.getpid(), threading.Lock())

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return a transaction that sees one state of the database.

        Raises `StoreError` or `PermanentError`, also for faults of SQLite and
        of values inside.
        """
        return self._transaction(_READ)

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return a transaction with no other writer beside it; an exception undoes it.

        Raises as `reading` does.
        """
        return self._transaction(_WRITE)

    def close(self) -> None:
        """Close the idle connections, and from now on each one after its use."""
        self._closed = True
        self._drain()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with explained(self.path), self._one_by_one(), self._noticing(begin):
            lent = self._begin(begin)
            with closed_by_faults(lent[1]) as connection:
                yield connection
                connection.execute("COMMIT")
            self._give_back(lent)

    @contextmanager
    def _one_by_one(self) -> Iterator[None]:
        """Let the threads of this process take turns: SQLite would have them poll each other.

        One that hangs holds up the others no longer than another process would.
        """
        process, turn = self._turns
        if process != os.getpid():
            # A forked child has a copy, of which nobody may ever let go.
            turn = threading.Lock()
            self._turns = (os.getpid(), turn)
        taken = turn.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if taken:
                turn.release()

    @contextmanager
    def _noticing(self, begin: str) -> Iterator[None]:
        """Remember who waited in vain: where nobody can read, nobody can write either."""
        try:
            yield
        except (sqlite3.OperationalError, BlockingIOError) as error:
            if is_busy(error):
                self._held |= {begin, _WRITE}
            raise
        self._held.discard(begin)

    def _begin(self, begin: str) -> Lent:
        # SQLite waits for others by itself, but ever longer between two looks, so
        # that whoever came later overtakes: it gets many short turns instead. It
        # answers "busy" at once while another process recovers from a crash, and
        # so does the making of a file.
        patience = min(self._patience, _WHILE_HELD) if begin in self._held else self._patience
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._try_to_begin(begin, patience)
            except (sqlite3.OperationalError, BlockingIOError) as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
            time.sleep(_PAUSE)

    def _try_to_begin(self, begin: str, patience: float) -> Lent:
        lent = self._take()
        with closed_by_faults(lent[1]) as connection:
            _wait_for_others(connection, _TURN)
            connection.execute(begin)
            # Asked each time: the file may have been restored from a backup, or
            # upgraded by a newer program, since this connection was opened.
            if not schema.is_current(connection, self.path):
                connection.execute("ROLLBACK")
                schema.upgrade(connection, self.path)
                connection.execute(begin)
            _wait_for_others(connection, patience)
        return lent

    def _take(self) -> Lent:
        file = file_at(self.path)
        while lent := self._idle_one():
            if lent[0] == file:
                return lent
            # Of a file that is gone, or of the parent process: idle ones hold no lock.
            lent[1].close()
        return connect(self.path, _TURN)

    def _idle_one(self) -> Lent | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, lent: Lent) -> None:
        self._idle.append(lent)
        # Asked afterwards: what comes back while `close` is at work is closed too.
        if self._closed:
            self._drain()

    def _drain(self) -> None:
        while lent := self._idle_one():
            lent[1].close()


def _wait_for_others(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
