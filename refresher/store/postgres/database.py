"""One database on a server: its transactions."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import psycopg

from refresher.store.decoding import Decoding
from refresher.store.postgres.faults import explained
from refresher.store.postgres.link import Link
from refresher.store.postgres.links import Links
from refresher.store.postgres.schema import ASK_VERSION, is_current, upgrade
from refresher.store.postgres.turns import Turns


def number(purpose: str, name: str = "") -> int:
    """Return the advisory lock of a name: 64 bits with a sign, as the server counts them."""
    text = f"refresher {purpose} {name}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)


_WRITERS: Final = number("write")

# Readers see one state of the database.
_READ: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {ASK_VERSION}"
# Writers are one after another, and each sees what the one before it has done. With
# SERIALIZABLE they would run at once and be sent back, to begin again: a caller in the
# middle of its transaction can't.
_ALONE: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_WRITERS})"
_WRITE: Final = f"{_ALONE}; {ASK_VERSION}"
_AT_ONCE: Final = 4
_NO_TABLES: Final = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)


class PostgresDatabase(Decoding):
    """The database that `links` lead to; the first use makes its tables."""

    def __init__(self, links: Links) -> None:
        """Take the connections, and touch nothing yet."""
        super().__init__(links.name)
        self.name = links.name
        self._links = links
        self._turns = Turns(_AT_ONCE)

    def reading(self) -> AbstractContextManager[Link]:
        """Return a transaction that sees one state of the database.

        Raises `StoreError` or `PermanentError`, also for faults of the server and
        of values inside.
        """
        return self._transaction(_READ)

    def writing(self) -> AbstractContextManager[Link]:
        """Return a transaction with no other writer beside it; an exception undoes it.

        Raises as `reading` does.
        """
        return self._transaction(_WRITE)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Link]:
        with explained(self.name), self._turns.taken(self._links.patience):
            link = self._begin(begin)
            try:
                yield link
                link.ask("COMMIT")
            except BaseException:
                link.close()
                raise
            self._links.give_back(link)

    def _begin(self, begin: str) -> Link:
        # The version is asked each time: a newer program may have been here since.
        try:
            link, found = self._links.begin(begin)
        except _NO_TABLES:
            return self._made(begin)
        try:
            if found and is_current(int(found[0]), self.name):
                return link
        except BaseException:
            link.close()
            raise
        link.close()
        return self._made(begin)

    def _made(self, begin: str) -> Link:
        """Return a transaction after the tables were made or upgraded."""
        link, _ = self._links.begin(_ALONE)
        try:
            upgrade(link, self.name)
            link.ask("COMMIT")
        except BaseException:
            link.close()
            raise
        self._links.give_back(link)
        return self._links.begin(begin)[0]
