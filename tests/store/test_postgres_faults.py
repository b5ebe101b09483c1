"""What a server says that can't do what it should: told in our words, and without any row."""

import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psycopg
import pytest

from refresher.errors import PermanentError, RefresherError, StoreError
from refresher.store import Backend
from refresher.store.postgres.database import PostgresDatabase
from refresher.store.postgres.link import in_psycopgs_words
from refresher.store.postgres.links import Links
from refresher.store.postgres.server import Server
from refresher.store.records import SqlRecords
from tests.doubles.postgres import PostgresServer
from tests.store.contracts import DELIVERIES, LEASES, REGISTRY, named
from tests.store.test_by_hand import PLACE, fill, look

CODES: Final[dict[str, tuple[type[RefresherError], str]]] = {
    "08006": (StoreError, "ended the connection"),
    "22P05": (PermanentError, "can't hold a text"),
    "23505": (PermanentError, r"can't read or write \(SQLSTATE 23505\)"),
    "25006": (StoreError, "is read-only, as a standby"),
    "40001": (StoreError, "was written by another client"),
    "40P01": (StoreError, "was written by another client"),
    "42501": (PermanentError, "does not let this user"),
    "42P01": (PermanentError, r"can't read or write \(SQLSTATE 42P01\)"),
    "53100": (StoreError, "its disk is full"),
    "53200": (StoreError, "has used up its memory"),
    "53300": (StoreError, "takes no more connections"),
    "55P03": (StoreError, "is locked by another process"),
    "57014": (StoreError, "took too long"),
    "57P01": (StoreError, "ended the connection"),
    "57P03": (StoreError, "ended the connection"),
    "58030": (StoreError, "can't read or write its own files"),
    "XX000": (PermanentError, r"can't read or write \(SQLSTATE XX000\)"),
    "XX001": (PermanentError, "is damaged"),
}


@pytest.fixture
def links(server: PostgresServer) -> Iterator[Links]:
    """Return connections to an empty database, of little patience."""
    links = Links(Server(server.url(server.empty_database())), patience=2)
    yield links
    links.close()


@pytest.fixture
def database(links: Links) -> PostgresDatabase:
    """Return an empty database."""
    return PostgresDatabase(links)


@pytest.mark.parametrize("code", CODES)
def test_an_error_of_the_server_is_told_in_our_words(database: PostgresDatabase, code: str) -> None:
    """By its code alone: the words of the server are not repeated, also not in a traceback."""
    kind, words = CODES[code]
    raising = f"RAISE EXCEPTION 'canary' USING ERRCODE = '{code}', DETAIL = 'canary'"
    with pytest.raises(kind, match=words) as caught, database.writing() as session:
        session.execute(f"DO $$ BEGIN {raising}; END $$")
    assert database.name in str(caught.value)
    assert caught.value.hint
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    SqlRecords(database).save_lease("prod", LEASES["whole"])


def test_a_row_that_is_refused_is_not_repeated(database: PostgresDatabase) -> None:
    """A server quotes the whole row, the secret too."""
    statement = """INSERT INTO credential (registry_id, added, username, secret, expires_at, state)
        VALUES (1, 1, 'canary', :secret, 'never', 'sleeping')"""
    with pytest.raises(PermanentError, match="SQLSTATE 23514") as caught, database.writing() as it:
        it.execute(statement, {"secret": b"canary"})
    told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert "canary" not in told.replace(statement, "")
    assert b"canary".hex() not in told


def test_a_connection_that_is_cut_in_a_transaction_is_told(
    server: PostgresServer, database: PostgresDatabase
) -> None:
    """What was begun is undone, and the next call connects anew."""
    records = SqlRecords(database)
    records.save_lease("prod", LEASES["whole"])

    def write() -> None:
        with database.writing() as session:
            session.execute("DELETE FROM lease")
            row = session.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            server.sql(f"SELECT pg_terminate_backend({row[0]})")
            session.execute("SELECT 1")

    with pytest.raises(StoreError, match="ended the connection"):
        write()
    assert records.lease("prod") == LEASES["whole"]


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: PostgresDatabase) -> None:
    """The server gives up before we do, so that the reason is known."""
    with pytest.raises(StoreError, match="took too long"), database.reading() as session:
        session.execute("SELECT pg_sleep(10)")


def test_a_reader_can_write_nothing(database: PostgresDatabase) -> None:
    """What is read is one state: nobody else's writes are seen, and there are none of its own."""
    records = SqlRecords(database)
    with database.reading() as session:
        assert session.execute("SELECT count(*) FROM lease").fetchall() == [(0,)]
        records.save_lease("prod", LEASES["whole"])
        assert session.execute("SELECT count(*) FROM lease").fetchall() == [(0,)]
    with pytest.raises(StoreError, match="is read-only"), database.reading() as session:
        session.execute("DELETE FROM lease")


def test_a_standby_answers_and_takes_nothing(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """A database that is read-only can be read; a write is told, and works after the failover."""
    backend = backend_on_server
    backend.store.put("default", {REGISTRY: named("one")})
    name = backend.location.rpartition("/")[2]
    server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    backend.close()
    assert backend.store.find("default", REGISTRY) == named("one")
    with pytest.raises(StoreError, match="is read-only") as caught:
        backend.store.put("default", {REGISTRY: named("two")})
    assert "primary" in caught.value.hint
    server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    backend.store.put("default", {REGISTRY: named("two")})
    assert backend.store.find("default", REGISTRY) == named("two")


def test_a_lost_table_is_told(server: PostgresServer, backend_on_server: Backend) -> None:
    """A schema that is ours, and lacks something, is left to people."""
    backend_on_server.records.leases()
    server.sql("DROP TABLE refresher.lease", backend_on_server.location.rpartition("/")[2])
    with pytest.raises(PermanentError, match="SQLSTATE 42P01") as caught:
        backend_on_server.records.leases()
    assert "backup" in caught.value.hint


@pytest.mark.parametrize("lost", ["DELETE FROM", "UPDATE {} SET number = 0 WHERE TRUE --"])
def test_a_lost_version_is_told(
    server: PostgresServer, backend_on_server: Backend, lost: str
) -> None:
    """Tables of an unknown version are left to people."""
    backend_on_server.store.put("default", {REGISTRY: named("one")})
    name, table = backend_on_server.location.rpartition("/")[2], "refresher.schema_version"
    server.sql(f"{lost.format(table)} {table}", name)
    with pytest.raises(PermanentError, match="SQLSTATE 42P07"):
        backend_on_server.records.leases()
    assert len(server.sql("SELECT 1 FROM refresher.credential", name)) == 1


TEXTS: Final = ["NULL", "''", "'text'", "'2026-01-01T00:00:00'", "repeat('[', 50000)"]
BYTES: Final = [r"'\x'", r"'\xff'", r"'\x61'"]
NUMBERS: Final = ["-1", "9223372036854775807"]
KINDS: Final = {"text": TEXTS, "bytea": BYTES, "bigint": NUMBERS}


def test_what_people_write_by_hand_is_no_crash(
    server: PostgresServer, backend_on_server: Backend
) -> None:
    """Odd values in any column: reads answer, and the next writes repair it or say why not."""
    fill(backend_on_server)
    name = backend_on_server.location.rpartition("/")[2]
    columns = server.sql(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'refresher' AND table_name <> 'schema_version'",
        name,
    )
    with psycopg.connect(server.local_url(name), autocommit=True) as other:
        # One value each: the embedded database, which takes any kind, is tried with all.
        for number, (table, column, kind) in enumerate(columns):
            values = KINDS[str(kind)]
            value = values[number % len(values)]
            statement = f"UPDATE refresher.{table} SET {column} = {value}"  # noqa: S608 - ours
            with suppress(psycopg.IntegrityError):
                other.execute(statement.encode())
            look(backend_on_server)
            with suppress(StoreError, PermanentError):
                fill(backend_on_server)
            other.execute(b"DROP SCHEMA refresher CASCADE")
            fill(backend_on_server)
    assert backend_on_server.records.deliveries("prod")[PLACE] == DELIVERIES["failed"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT :a, :b_c", b"SELECT %(a)s, %(b_c)s"),
        ("SELECT ':a' || :a", b"SELECT ':a' || %(a)s"),
        ("SELECT x::text, :a", b"SELECT x::text, %(a)s"),
        ("SELECT 5 % 2, '%' || ':a%'", b"SELECT 5 %% 2, '%%' || ':a%%'"),
        ("SELECT lower(a) = lower(:a)", b'SELECT lower(a) = lower(%(a)s COLLATE "C")'),
        ("SELECT 'it''s :a', :a", b"SELECT 'it''s :a', %(a)s"),
    ],
)
def test_statements_are_written_once(statement: str, expected: bytes) -> None:
    """Names become those of psycopg; literals, casts and percent signs stay what they are."""
    assert in_psycopgs_words(statement) == expected


def test_every_error_is_one_of_ours(database: PostgresDatabase) -> None:
    """Whatever psycopg raises in a transaction becomes an error of ours."""
    for raised in (psycopg.InterfaceError("x"), psycopg.DataError("x"), psycopg.Error("x")):
        with pytest.raises(RefresherError), database.reading():
            raise raised
