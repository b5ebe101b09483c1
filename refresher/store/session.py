"""One transaction, whatever database it is in.

Statements are written once, in what SQLite and PostgreSQL have in common: `:name`
placeholders, `ON CONFLICT`, `RETURNING`, `lower(address)` for addresses of any
case, moments and other values as `refresher.store.columns` writes them, and no
function of the time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Row = Sequence[Any]


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Row | None:
        """Return the next row, None after the last one."""
        ...

    def fetchall(self) -> Sequence[Row]:
        """Return all rows that are left."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """Go over all rows that are left."""
        ...


class Session(Protocol):
    """A transaction that is open."""

    def execute(self, statement: str, values: Mapping[str, object] = ..., /) -> Rows:
        """Run a statement with its values by name."""
        ...

    def executemany(self, statement: str, values: Iterable[Mapping[str, object]], /) -> object:
        """Run a statement once for each of `values`."""
        ...


class Database(Protocol):
    """Where transactions come from.

    Both raise `StoreError` or `PermanentError`, also for faults of the database
    inside; an exception undoes everything.
    """

    def reading(self) -> AbstractContextManager[Session]:
        """Return a transaction that sees one state of the database."""
        ...

    def writing(self) -> AbstractContextManager[Session]:
        """Return a transaction whose changes no other writer can come between."""
        ...

    def decoded(self, what: str, decode: Callable[[Row], T], row: Row) -> T | None:
        """Return what `row` stands for, None with a warning if `decode` raises `ValueError`."""
        ...
