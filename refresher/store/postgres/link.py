"""A connection that is lent, and the session that it is while it is in a transaction."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

import psycopg

from refresher.store.postgres.connection import Connection, Found, SilenceError
from refresher.store.session import Row

_NO_VALUES: Final[Mapping[str, object]] = {}
_MARKS: Final = re.compile(r"'[^']*'|%|(lower\()?(?<!:):([a-z_]+)")
_RESTARTED: Final = "57P"


class Link:
    """A connection of this process, for one thread at a time; a `Session` in a transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take an open connection."""
        self.process = os.getpid()
        self._connection = connection

    @property
    def encoding(self) -> str:
        """Return the encoding of the database."""
        return self._connection.info.parameter_status("server_encoding") or ""

    def ask(self, message: str) -> Row | None:
        """Send statements without values in one message, and return the first row of the last."""
        answer = self._connection.execute(message.encode())
        while answer.nextset():
            pass
        return answer.fetchone() if answer.description else None

    def execute(
        self, statement: str, values: Mapping[str, object] = _NO_VALUES, /
    ) -> psycopg.Cursor[Found]:
        """Run a statement with its values by name."""
        return self._connection.execute(in_psycopgs_words(statement), values)

    def executemany(self, statement: str, values: Iterable[Mapping[str, object]], /) -> None:
        """Run a statement once for each of `values`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(in_psycopgs_words(statement), list(values))

    def wait_for(self, patience: float) -> None:
        """From now on let the server be silent for `patience` seconds, and no longer."""
        self._connection.patience = patience

    def is_lost_by(self, error: BaseException) -> bool:
        """Tell whether the server, or what is between, ended the connection before `error`."""
        if not isinstance(error, psycopg.Error) or isinstance(error, SilenceError):
            return False
        return self._connection.broken or (error.sqlstate or "").startswith(_RESTARTED)

    def close(self) -> None:
        """End the connection, and so undo its transaction."""
        self._connection.close()


def in_psycopgs_words(statement: str) -> bytes:
    """Return a statement with `:name` placeholders as psycopg takes it, with `%(name)s`."""
    return _MARKS.sub(_mark, statement).encode()


def _mark(match: re.Match[str]) -> str:
    lower, name = match.groups()
    if name is None:
        return match[0].replace("%", "%%")
    # Like the columns: in the language of the database an I may have another small letter.
    return f'{lower}%({name})s COLLATE "C"' if lower else f"%({name})s"
