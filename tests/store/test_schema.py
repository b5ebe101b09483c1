"""How a schema becomes the next one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import NEVER
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.store.rows import DELIVERY_COLUMNS, LEASE_COLUMNS, to_delivery, to_lease
from refresher.store.schema import MIGRATIONS, VERSION, is_current, upgrade, version

FIRST = ("CREATE TABLE a (x)", "INSERT INTO a VALUES ('kept')")
SECOND = ("ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = 'added'")
BROKEN = ("UPDATE a SET x = 'lost'", "ALTER TABLE absent ADD COLUMN y")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to an empty database."""
    with closing(sqlite3.connect(tmp_path / "r.db", isolation_level=None)) as connection:
        yield connection


def content(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return what stands in the table of these migrations."""
    return connection.execute("SELECT * FROM a").fetchall()


def test_a_new_database_gets_every_step(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """All steps are taken, and the version is theirs."""
    assert not is_current(connection, tmp_path, 2)
    upgrade(connection, tmp_path, (FIRST, SECOND))
    assert content(connection) == [("kept", "added")]
    assert is_current(connection, tmp_path, 2)


def test_an_older_database_gets_the_steps_that_it_lacks(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    """Only new steps are taken; to upgrade again changes nothing."""
    upgrade(connection, tmp_path, (FIRST,))
    assert not is_current(connection, tmp_path, 2)
    for _ in range(2):
        upgrade(connection, tmp_path, (FIRST, SECOND))
    assert content(connection) == [("kept", "added")]
    assert version(connection) == 2


def test_a_step_that_fails_is_undone(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """A migration that breaks off leaves the old version and its data."""
    upgrade(connection, tmp_path, (FIRST,))
    with pytest.raises(sqlite3.OperationalError):
        upgrade(connection, tmp_path, (FIRST, BROKEN))
    connection.execute("ROLLBACK")
    assert content(connection) == [("kept",)]
    assert version(connection) == 1


def test_a_newer_database_is_not_brought_down(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    """An older program that comes late to an upgrade refuses, and changes nothing."""
    upgrade(connection, tmp_path, (FIRST, SECOND))
    with pytest.raises(PermanentError, match="schema is 2, this version knows 1"):
        upgrade(connection, tmp_path, (FIRST,))
    connection.execute("ROLLBACK")
    assert version(connection) == 2


def test_the_version_counts_the_steps(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """The schema of this program is current once its steps are taken, and it is sound."""
    upgrade(connection, tmp_path)
    assert is_current(connection, tmp_path)
    assert version(connection) == VERSION == len(MIGRATIONS)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_of_the_first_version_keeps_its_records(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    """What it does not know of yet is empty."""
    upgrade(connection, tmp_path, MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO lease (provider, registries, username, expires, settings, inputs)"
        " VALUES ('prod', '[\"one\"]', 'AWS', 'unknown', '', '')"
    )
    connection.execute(
        "INSERT INTO delivery (provider, sink, target, registry, expires)"
        " VALUES ('prod', 'docker', 'file', 'one', 'never')"
    )
    upgrade(connection, tmp_path)
    columns = ", ".join(LEASE_COLUMNS)
    lease = to_lease(connection.execute(f"SELECT {columns} FROM lease").fetchone())  # noqa: S608
    assert lease == Lease(("one",), "AWS")
    columns = ", ".join(DELIVERY_COLUMNS)
    row = connection.execute(f"SELECT {columns} FROM delivery").fetchone()  # noqa: S608
    assert to_delivery(row) == Delivery(expires=NEVER)
