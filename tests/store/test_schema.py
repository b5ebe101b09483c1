"""How a schema becomes the next one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import NEVER, Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.model.registered import RowState
from refresher.store import Backend, open_store
from refresher.store.rows import DELIVERY_COLUMNS, LEASE_COLUMNS, to_delivery, to_lease
from refresher.store.sqlite.schema import MIGRATIONS, VERSION, is_current, upgrade, version
from tests.store.contracts.page import page_of

DATA: Final = Path(__file__).parent.parent / "data"

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


@pytest.fixture(params=[1, 2])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Return a backend over a file that an older version wrote, and in which a person edited.

    The data are what SQLite's shell calls a dump of such a file.
    """
    path = tmp_path / "refresher.db"
    dump = (DATA / f"store_version_{request.param}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump)
        assert version(connection) == request.param
    backend = open_store(str(path))
    yield backend
    backend.close()
    with closing(sqlite3.connect(path)) as connection:
        assert version(connection) == VERSION
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_older_versions_wrote_is_found(older: Backend) -> None:
    """Credentials, leases and deliveries, and the obstacle that a person made."""
    wanted = {
        "default": {"docker.io": "hub", "registry.example:5000": "two"},
        "prod": {
            "docker.io": "only",
            "docker.io/acme": "below",
            "123456789012.dkr.ecr.us-west-2.amazonaws.com": "ecr",
        },
    }
    for environment, secrets in wanted.items():
        found = older.store.find_all(environment, [*secrets, "gcr.io/team"])
        assert {name: each.secret for name, each in found.items()} == {
            name: Secret(secret) for name, secret in secrets.items()
        }
    assert set(older.store.obstacles("default", ["gcr.io/team", "docker.io"])) == {"gcr.io/team"}
    assert older.records.lease("prod") == Lease(("docker.io",), "acme", expires=NEVER)
    assert set(older.records.deliveries("prod")) == {("store", "default", "docker.io")}


def test_docker_hub_of_older_versions_is_one_registry(older: Backend) -> None:
    """Its rows by other names are history, and what they held are older credentials of the one."""
    page = page_of(older)
    hub = page.registry("default", "docker.io")
    assert hub.address == "index.docker.io"
    assert [each.username for each in hub.credentials] == ["acme", "by-hand"]
    listed = [
        (each.address, each.state)
        for each in page.registries("default", removed=True)
        if each.address.endswith("docker.io")
    ]
    assert listed == [
        ("index.docker.io", RowState.ACTIVE),
        ("index.docker.io", RowState.REMOVED),
        ("index.docker.io", RowState.REMOVED),
    ]
    assert page.registry("prod", "docker.io").in_use() is not None


def test_older_files_get_what_the_page_needs(older: Backend) -> None:
    """Settings, the default environment, and addresses that are there once in any case."""
    page = page_of(older)
    assert page.settings() == {}
    assert [each.name for each in page.environments()] == ["default", "prod"]
    with pytest.raises(PermanentError, match="is there already"):
        page.add_registry("default", "REGISTRY.example:5000")


HUB_ROWS: Final = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(["docker.io", "Docker.io", "index.docker.io", "registry-1.docker.io"]),
        st.sampled_from(["", "/", "/acme", "/Acme"]),
        st.sampled_from(list(RowState)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(hub=HUB_ROWS)
def test_whatever_names_of_docker_hub_there_were_one_is_left(
    hub: list[tuple[int, str, str, RowState]],
) -> None:
    """Each environment keeps one row for each path, and every credential that was not removed."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        upgrade(connection, DATA, MIGRATIONS[:2])
        connection.execute("INSERT INTO environment (name) VALUES ('default'), ('prod')")
        for environment, host, path, state in hub:
            made = connection.execute(
                "INSERT INTO registry (environment_id, address, state) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id",
                (environment, host + path, state),
            ).fetchall()
            connection.executemany(
                "INSERT INTO credential (registry_id, added, username, secret, expires_at)"
                " VALUES (?, 1, 'u', 's', 'never')",
                made,
            )
        held = "FROM registry r JOIN credential c ON c.registry_id = r.id WHERE r.state"
        before = connection.execute(f"SELECT r.environment_id, c.id {held} <> 'removed'")
        expected = sorted(before.fetchall())
        upgrade(connection, DATA)
        after = connection.execute(f"SELECT r.environment_id, c.id {held} <> 'removed'")
        assert sorted(after.fetchall()) == expected
        addresses = connection.execute(
            "SELECT environment_id, lower(address) FROM registry WHERE state <> 'removed'"
        ).fetchall()
        assert len(set(addresses)) == len(addresses)
        assert {address.partition("/")[0] for _, address in addresses} <= {"index.docker.io"}
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
