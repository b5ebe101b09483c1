"""The tables on a server: made, upgraded, refused, and equal to those of the embedded database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psycopg
import pytest

from refresher.errors import PermanentError
from refresher.store import Backend, open_store
from refresher.store.postgres.link import Link
from refresher.store.postgres.links import Links
from refresher.store.postgres.schema import VERSION, Migrations, is_current, upgrade
from refresher.store.postgres.server import Server
from refresher.store.sqlite import schema as embedded
from tests.doubles.postgres import PostgresServer
from tests.store.contracts import REGISTRY, named
from tests.store.contracts.page import page_of
from tests.store.test_faults import OPERATIONS

FIRST: Final = """
    CREATE TABLE schema_version (number BIGINT);
    INSERT INTO schema_version VALUES (0);
    CREATE TABLE a (x TEXT);
    INSERT INTO a VALUES ('kept')"""
SECOND: Final = "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = 'added'"
BROKEN: Final = "UPDATE a SET x = 'lost'; ALTER TABLE absent ADD COLUMN y TEXT"


@pytest.fixture
def database(server: PostgresServer) -> str:
    """Return an empty database."""
    return server.make_database()


@pytest.fixture
def link(server: PostgresServer, database: str) -> Iterator[Link]:
    """Return a connection to an empty database."""
    link, _ = Links(Server(server.url(database))).begin("SELECT 1")
    yield link
    link.close()


def upgraded(link: Link, steps: dict[int, str]) -> None:
    """Upgrade in a transaction."""
    migrations: Migrations = MappingProxyType(steps)
    link.ask("BEGIN")
    upgrade(link, "here", migrations)
    link.ask("COMMIT")


def test_a_new_database_gets_every_step(link: Link) -> None:
    """All steps are taken in their order, and the version is the last one's."""
    upgraded(link, {3: FIRST, 4: SECOND})
    assert link.ask("SELECT * FROM a") == ("kept", "added")
    assert link.ask("SELECT number FROM schema_version") == (4,)


def test_an_older_database_gets_the_steps_that_it_lacks(link: Link) -> None:
    """Only new steps are taken; to upgrade again changes nothing."""
    upgraded(link, {3: FIRST})
    for _ in range(2):
        upgraded(link, {3: FIRST, 4: SECOND})
    assert link.ask("SELECT * FROM a") == ("kept", "added")
    assert link.ask("SELECT number FROM schema_version") == (4,)


def test_a_step_that_fails_is_undone(link: Link) -> None:
    """A migration that breaks off leaves the old version and its data."""
    upgraded(link, {3: FIRST})
    with pytest.raises(psycopg.Error):
        upgraded(link, {3: FIRST, 4: BROKEN})
    link.ask("ROLLBACK")
    assert link.ask("SELECT * FROM a") == ("kept",)
    assert link.ask("SELECT number FROM schema_version") == (3,)


def test_a_newer_database_is_not_brought_down(link: Link) -> None:
    """An older program that comes late to an upgrade refuses."""
    upgraded(link, {3: FIRST, 4: SECOND})
    with pytest.raises(PermanentError, match="schema is 4, this version knows 3"):
        upgraded(link, {3: FIRST})


def test_a_version_is_current_or_older() -> None:
    """A newer one is refused, and nothing in between."""
    assert is_current(VERSION, "here")
    assert not is_current(0, "here")
    with pytest.raises(PermanentError, match="here was written by a newer version"):
        is_current(VERSION + 1, "here")


def test_both_kinds_of_database_have_the_same_tables(
    server: PostgresServer, backend_on_server: Backend, tmp_path: Path
) -> None:
    """The same version stands for the same tables and columns, with what may be empty."""
    backend_on_server.records.leases()
    database = backend_on_server.location.rpartition("/")[2]
    there = server.sql(
        "SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns"
        " WHERE table_schema = 'refresher' AND table_name <> 'schema_version'",
        database,
    )
    with closing(sqlite3.connect(tmp_path / "r.db", isolation_level=None)) as connection:
        embedded.upgrade(connection, tmp_path)
        # A primary key may be empty by the letter only.
        here = connection.execute(
            "SELECT t.name, c.name, c.[notnull] OR c.pk"
            " FROM sqlite_master t, pragma_table_info(t.name) c"
            " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
        ).fetchall()
    assert {tuple(row) for row in there} == {(*row[:2], bool(row[2])) for row in here}
    assert embedded.VERSION == VERSION


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_newer_store_is_left_as_it_is(
    server: PostgresServer, backend_on_server: Backend, operation: object
) -> None:
    """Each call of a program that runs on tells it, from the moment of the upgrade."""
    backend_on_server.store.put("default", {REGISTRY: named("one")})
    database = backend_on_server.location.rpartition("/")[2]
    server.sql("UPDATE refresher.schema_version SET number = 99", database)
    assert callable(operation)
    for _ in range(2):
        with pytest.raises(PermanentError, match="schema is 99, this version knows") as caught:
            operation(backend_on_server)
        assert "another database" in caught.value.hint
    server.sql(f"UPDATE refresher.schema_version SET number = {VERSION}", database)  # noqa: S608
    assert backend_on_server.store.find("default", REGISTRY) == named("one")


def test_other_programs_may_be_in_the_same_database(server: PostgresServer, database: str) -> None:
    """Their tables have the same names as ours, and are neither read nor changed."""
    for table in ("lease", "registry", "schema_version"):
        server.sql(f"CREATE TABLE public.{table} (number TEXT)", database)
    backend = open_store(server.url(database))
    backend.store.put("default", {REGISTRY: named("one")})
    assert backend.store.find("default", REGISTRY) == named("one")
    assert server.sql("SELECT * FROM public.lease", database) == []
    backend.close()


def test_a_schema_of_another_program_is_left_as_it_is(
    server: PostgresServer, database: str
) -> None:
    """Where something else is called refresher, nothing is made."""
    server.sql("CREATE SCHEMA refresher; CREATE TABLE refresher.other (x TEXT)", database)
    backend = open_store(server.url(database))
    with pytest.raises(PermanentError, match="a schema refresher of another program") as caught:
        backend.records.leases()
    assert caught.value.hint
    found = server.sql("SELECT relname FROM pg_class WHERE relname IN ('other', 'lease')", database)
    assert found == [("other",)]
    backend.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text_is_refused(
    server: PostgresServer, encoding: str
) -> None:
    """It is told before anything is made in it."""
    database = server.make_database(f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    backend = open_store(server.url(database))
    with pytest.raises(PermanentError, match=f"has the encoding {encoding}") as caught:
        backend.store.find("default", REGISTRY)
    assert "UTF8" in caught.value.hint
    assert server.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'refresher'", database) == []
    backend.close()


def test_a_removed_schema_begins_anew(server: PostgresServer, backend_on_server: Backend) -> None:
    """Whoever drops the schema has an empty store at the next call."""
    backend_on_server.store.put("default", {REGISTRY: named("one")})
    server.sql("DROP SCHEMA refresher CASCADE", backend_on_server.location.rpartition("/")[2])
    assert backend_on_server.store.find("default", REGISTRY) is None
    backend_on_server.store.put("default", {REGISTRY: named("two")})
    assert backend_on_server.store.find("default", REGISTRY) == named("two")


def test_case_is_the_same_in_every_language(server: PostgresServer) -> None:
    """Where the small letter of I is another one, an address is still there only once."""
    turkish = "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' TEMPLATE template0"
    backend = open_store(server.url(server.make_database(turkish)))
    page = page_of(backend)
    page.add_registry("default", "REGISTRY.EXAMPLE")
    for address in ("REGISTRY.EXAMPLE", "Registry.example", "registry.EXAMPLE"):
        with pytest.raises(PermanentError, match="is there already"):
            page.add_registry("default", address)
        backend.store.put("default", {address: named(address)})
        assert backend.store.find("default", address.upper()) == named(address)
    assert len(page.registries("default")) == 1
    backend.close()


def test_addresses_are_found_by_their_index(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """A look-up among very many does not read them all, whatever the language of the server."""
    backend_on_server.records.leases()
    database = backend_on_server.location.rpartition("/")[2]
    server.sql(
        "INSERT INTO refresher.registry (environment_id, address)"
        " SELECT 1, 'r' || n || '.example' FROM generate_series(1, 5000) n;"
        " ANALYZE refresher.registry",
        database,
    )
    plan = server.sql(
        "EXPLAIN SELECT id FROM refresher.registry WHERE environment_id = 1"
        " AND lower(address) = lower('R77.example') AND state <> 'removed'",
        database,
    )
    assert "registry_by_address" in str(plan)
