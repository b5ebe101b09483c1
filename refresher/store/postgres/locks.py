"""Locks between the runs of all hosts, kept by the server."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from refresher.errors import RefresherError
from refresher.store.postgres.database import number
from refresher.store.postgres.faults import explained
from refresher.store.postgres.link import Link
from refresher.store.postgres.links import Links
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


class AdvisoryLocks:
    """A `Lock` by advisory locks of sessions, each on a connection of its own while it is held.

    The server frees a lock when the connection of its holder ends, however that dies
    (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
    It is in no transaction, which would keep the server from cleaning up.
    """

    def __init__(self, links: Links) -> None:
        """Take the connections, and touch nothing yet."""
        self._links = links

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
            while (link := self._attempt(key)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise timed_out(name, wait, self._holder(key))
                time.sleep(min(_POLL, left))
        try:
            yield
        finally:
            self._free(link, name, key)

    def _attempt(self, key: int) -> Link | None:
        """Return the connection that has the lock now, None if another has it."""
        link, taken = self._links.begin(f"SELECT pg_try_advisory_lock({key})")
        if taken == (True,):
            return link
        self._links.give_back(link)
        return None

    def _free(self, link: Link, name: str, key: int) -> None:
        if link.process != os.getpid():
            # A forked child leaves the block too, and the lock is its parent's.
            return
        freed = False
        try:
            with explained(self._links.name):
                freed = link.ask(f"SELECT pg_advisory_unlock({key})") == (True,)
        except RefresherError:
            # The work is done, and whoever lost the connection has lost the lock.
            _log.warning(f"the lock of {name} was lost while it was held: the connection ended")
        finally:
            if not freed:
                link.close()
        if freed:
            self._links.give_back(link)

    def _holder(self, key: int) -> str:
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
