"""The connections of one process, lent to one thread at a time."""

import logging
import os
import time
from collections import deque
from typing import Final

import psycopg

from refresher.store.postgres.connection import PATIENCE, SilenceError
from refresher.store.postgres.link import Link
from refresher.store.postgres.refusals import is_starting
from refresher.store.postgres.schema import SCHEMA
from refresher.store.postgres.server import Server, exposure
from refresher.store.session import Row

_KEPT: Final = 2
_PAUSE: Final = 0.05
_WHILE_AWAY: Final = 2.0

_TO_RESTART: Final = 0.3
_TO_CONNECT: Final = 0.5
_TO_GET_A_LOCK: Final = 0.7
_TO_ANSWER: Final = 0.9
"""Shares of the patience. The server gives up first: it knows why."""

_log: Final = logging.getLogger(__name__)


class Links:
    """Lends connections to `server`; none is made before the first use.

    `patience` is how long in seconds the server may be silent. Once it was away, calls
    hardly wait for it until it is back: a run of many calls would lose all its time with
    waiting.
    """

    def __init__(self, server: Server, *, patience: float = PATIENCE) -> None:
        """Take the server, and touch nothing yet."""
        self.name = server.name
        self._server = server
        self._patience = patience
        self._settings = _settings(patience * 1000)
        self._idle: deque[Link] = deque()
        self._inherited: list[Link] = []
        self._closed = False
        self._away = False
        self._warned = False

    @property
    def patience(self) -> float:
        """How long in seconds a call should wait now."""
        return min(self._patience, _WHILE_AWAY) if self._away else self._patience

    def begin(self, message: str) -> tuple[Link, Row | None]:
        """Return a connection that has answered to `message`, and the answer.

        An idle one may have died with its server since its last use. Then nothing
        was done, and another takes its place. The caller gives it back or closes it.

        Raises `psycopg.Error`, and `PermanentError` for a password file that can't
        be read.
        """
        while True:
            idle = self._idle_one()
            link = idle or self._connect()
            try:
                if idle is None:
                    self.ask(link, self._settings)
                return link, self.ask(link, message)
            except BaseException as error:
                lost = link.is_lost_by(error)
                link.close()
                if idle is None or not lost:
                    raise

    def ask(self, link: Link, message: str) -> Row | None:
        """Return the answer of a connection that was idle for a while, or is new."""
        link.wait_for(self.patience)
        try:
            answer = link.ask(message)
        except SilenceError:
            self._away = True
            raise
        self._away = False
        link.wait_for(self._patience)
        return answer

    def give_back(self, link: Link) -> None:
        """Keep a connection that is in no transaction for the next call."""
        if link.process != os.getpid():
            return
        self._idle.append(link)
        # Asked afterwards: what comes back while `close` is at work is closed too.
        self._drain(0 if self._closed else _KEPT)

    def close(self) -> None:
        """Close the idle connections, and from now on each one after its use."""
        self._closed = True
        self._drain(0)

    def _connect(self) -> Link:
        share = _WHILE_AWAY if self._away else self._patience * _TO_CONNECT
        end = time.monotonic() + (0.0 if self._away else self._patience * _TO_RESTART)
        while True:
            try:
                connection = self._server.connect(share)
                break
            except psycopg.OperationalError as error:
                if not is_starting(error) or time.monotonic() >= end:
                    self._away = True
                    raise
            time.sleep(_PAUSE)
        self._warn_of(exposure(connection))
        return Link(connection)

    def _warn_of(self, exposed: str) -> None:
        if exposed and not self._warned:
            self._warned = True
            what = f"the connection to the store {self.name} {exposed}"
            _log.warning(f"{what}; set sslmode=verify-full in store, and sslrootcert")

    def _idle_one(self) -> Link | None:
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                return None
            if link.process == os.getpid():
                return link
            # Kept, and not used: to end it would end the parent's.
            self._inherited.append(link)

    def _drain(self, kept: int) -> None:
        while len(self._idle) > kept and (link := self._idle_one()):
            link.close()


def _settings(patience: float) -> str:
    """Return what a connection begins with, by a patience in milliseconds."""
    settings = {
        # Without `pg_temp` at the end a temporary table would come first.
        "search_path": f"{SCHEMA}, pg_temp",
        "statement_timeout": round(patience * _TO_ANSWER),
        "lock_timeout": round(patience * _TO_GET_A_LOCK),
        # Of a process that is stopped in the middle of a write.
        "idle_in_transaction_session_timeout": round(patience),
        # Of a host that is gone: what it had locked is free soon.
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }
    return "; ".join(f"SET {name} = {value}" for name, value in settings.items())
