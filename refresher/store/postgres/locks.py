"""Locks between the runs of all hosts, kept by the server."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from refresher.errors import RefresherError
from refresher.store.postgres.database import number
from refresher.store.postgres.faults import explained
from refresher.store.postgres.link import Link
from refresher.store.postgres.links import Links
from refresher.store.postgres.turns import Turns
from refresher.store.session import Row
from refresher.store.timeout import timed_out

_POLL: Final = 0.1
_SIGNED: Final = re.compile(r"refresher ([0-9]{1,10}) ([A-Za-z0-9._-]{1,64})")
_HOLDER: Final = """
    SELECT a.application_name, a.pid
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = {}"""

_log: Final = logging.getLogger(__name__)


class _Session:
    """A connection, and the locks that the server keeps for it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.keys: set[int] = set()


class AdvisoryLocks:
    """A `Lock` by advisory locks of one session, on a connection that lasts while any is held.

    The server frees them when the connection ends, however their holder dies
    (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
    It is in no transaction, which would keep the server from cleaning up.
    """

    def __init__(self, links: Links) -> None:
        """Take the connections, and touch nothing yet."""
        self._links = links
        self._turns = Turns(1)
        self._session: _Session | None = None

    @contextmanager
    def hold(self, name: str, wait: float) -> Iterator[None]:
        """Hold the lock of `name`, tried for `wait` seconds, at least once.

        Excludes other hosts, processes and threads, and the same thread.

        Raises `LockTimeoutError`, and `StoreError` or `PermanentError` where the
        server can't be asked.
        """
        # Real time, not the engine's clock: what is waited for is another process.
        deadline = time.monotonic() + wait
        key = number("lock", name)
        with explained(self._links.name):
            while (session := self._attempt(key)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise timed_out(name, wait, self._holder(key))
                time.sleep(min(_POLL, left))
        try:
            yield
        finally:
            self._free(session, name, key)

    def _attempt(self, key: int) -> "_Session | None":
        """Return the session that has the lock now, None if another has it, or a thread of ours."""
        take = f"SELECT pg_try_advisory_lock({key})"
        with self._turns.taken(self._links.patience):
            session = self._session
            if session is not None and session.link.process == os.getpid():
                # The server would let a session have its own lock again.
                if key in session.keys:
                    return None
                try:
                    return self._kept(session, key, self._ask(session, take))
                except psycopg.Error as error:
                    # One that died with its server has lost its locks; another takes its place.
                    if not session.link.is_lost_by(error):
                        raise
            link, answer = self._links.begin(take)
            return self._kept(_Session(link), key, answer)

    def _kept(self, session: "_Session", key: int, answer: Row | None) -> "_Session | None":
        if answer == (True,):
            session.keys.add(key)
            self._session = session
            return session
        if not session.keys:
            self._links.give_back(session.link)
        return None

    def _ask(self, session: "_Session", message: str) -> Row | None:
        try:
            return self._links.ask(session.link, message)
        except BaseException:
            # It keeps the locks that it may still have.
            self._take_no_more(session)
            raise

    def _free(self, session: "_Session", name: str, key: int) -> None:
        if session.link.process != os.getpid():
            # A forked child leaves the block too, and the lock is its parent's.
            return
        free = f"SELECT pg_advisory_unlock({key})"
        freed = False
        try:
            with explained(self._links.name), self._turns.taken(self._links.patience):
                freed = self._ask(session, free) == (True,)
                session.keys.discard(key)
                if freed and not session.keys:
                    self._retire(session)
        except RefresherError:
            # The work is done, and whoever lost the connection has lost the lock.
            _log.warning(f"the lock of {name} was lost while it was held: the connection ended")
        finally:
            if not freed:
                self._end(session, key)

    def _retire(self, session: "_Session") -> None:
        if self._session is session:
            self._session = None
            self._links.give_back(session.link)
        else:
            session.link.close()

    def _end(self, session: "_Session", key: int) -> None:
        """Have the server free a lock that it was not told of: once the session has no other."""
        session.keys.discard(key)
        self._take_no_more(session)
        if not session.keys:
            session.link.close()

    def _take_no_more(self, session: "_Session") -> None:
        if self._session is session:
            self._session = None

    def _holder(self, key: int) -> str:
        with self._turns.taken(self._links.patience):
            link, found = self._links.begin(_HOLDER.format(key))
            self._links.give_back(link)
        if found is None:
            return ""
        name, session = found
        signed = _SIGNED.fullmatch(name or "")
        if signed is None:
            return f"session {session} of the server"
        process, host = signed.groups()
        return f"process {process}" + ("" if host == os.uname().nodename else f" of {host}")
