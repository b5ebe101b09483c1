"""Rows and states of the embedded registry store, as a person may have set them."""

import sqlite3
from contextlib import closing

import pytest

from refresher.errors import PermanentError
from refresher.store import Backend
from tests.store.contracts import REGISTRY, named


def execute(backend: Backend, statement: str) -> list[tuple[object, ...]]:
    """Do to the database what a person's command would do."""
    with closing(sqlite3.connect(backend.location)) as connection, connection:
        return connection.execute(statement).fetchall()


def rows(backend: Backend) -> list[tuple[object, ...]]:
    """Return id, user, state and secret of all credentials, the oldest row first."""
    query = "SELECT id, username, state, CAST(secret AS TEXT) FROM credential ORDER BY id"
    return execute(backend, query)


def test_a_renewal_keeps_the_row(backend: Backend) -> None:
    """A user has one row, whoever else came in between: what refers to it stays supplied."""
    for number, username in enumerate(["AWS", "acme", "AWS", "AWS", "acme"]):
        backend.store.put("default", {REGISTRY: named(f"secret-{number}", username)})
    assert rows(backend) == [(1, "AWS", "active", "secret-3"), (2, "acme", "active", "secret-4")]


def test_a_renewal_is_dated(backend: Backend) -> None:
    """The row tells when it was made and when it was last changed."""
    backend.store.put("default", {REGISTRY: named("old")})
    execute(backend, "UPDATE credential SET created = '2020-01-01', updated = '2020-01-01'")
    backend.store.put("default", {REGISTRY: named("new")})
    query = "SELECT created = '2020-01-01', updated > '2026-01-01' FROM credential"
    assert execute(backend, query) == [(1, 1)]


def test_an_inactive_registry_is_not_used_nor_woken(backend: Backend) -> None:
    """Where a person has deactivated the registry nothing is found, and a put is refused."""
    backend.store.put("default", {REGISTRY: named("old")})
    execute(backend, "UPDATE registry SET state = 'inactive'")
    assert backend.store.find("default", REGISTRY) is None
    with pytest.raises(PermanentError, match=rf"{REGISTRY} of environment default is inactive"):
        backend.store.put("default", {"other.example": named("new"), REGISTRY: named("new")})
    assert backend.store.find("default", "other.example") is None
    execute(backend, "UPDATE registry SET state = 'active'")
    assert backend.store.find("default", REGISTRY) == named("old")


def test_an_inactive_credential_is_not_used_nor_woken(backend: Backend) -> None:
    """A deactivated credential gives way to an older one, and a put of its user is refused."""
    backend.store.put("default", {REGISTRY: named("old", "acme")})
    backend.store.put("default", {REGISTRY: named("new")})
    execute(backend, "UPDATE credential SET state = 'inactive' WHERE username = 'AWS'")
    assert backend.store.find("default", REGISTRY) == named("old", "acme")
    with pytest.raises(PermanentError, match=f"AWS at registry {REGISTRY} is inactive"):
        backend.store.put("default", {REGISTRY: named("newer")})
    backend.store.put("default", {REGISTRY: named("newer", "acme")})
    assert backend.store.find("default", REGISTRY) == named("newer", "acme")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE registry SET state = 'inactive'", f"registry {REGISTRY} of environment default"),
        (
            "UPDATE credential SET state = 'inactive'",
            f"the credential of AWS at registry {REGISTRY}",
        ),
        ("UPDATE credential SET state = 'inactive' WHERE username = 'AWS'", None),
        ("UPDATE credential SET state = 'removed'", None),
        ("UPDATE registry SET state = 'removed'", None),
        ("UPDATE registry SET state = 'active'", None),
    ],
    ids=["registry", "all", "one", "removed", "registry-removed", "none"],
)
def test_what_a_person_deactivated_is_an_obstacle(
    backend: Backend, statement: str, words: str | None
) -> None:
    """It says what is inactive and what to do; what is removed or in use is no obstacle."""
    backend.store.put("default", {REGISTRY: named("old", "acme")})
    backend.store.put("default", {REGISTRY: named("new")})
    execute(backend, statement)
    obstacles = backend.store.obstacles("default", [REGISTRY, "other.example"])
    assert set(obstacles) == ({REGISTRY} if words else set())
    if words:
        assert obstacles[REGISTRY].startswith(f"{words} is inactive: activate")


def test_of_two_rows_of_a_user_the_youngest_active_one_is_renewed(backend: Backend) -> None:
    """Rows that a person added for the same user stay, and an inactive one is no obstacle."""
    backend.store.put("default", {REGISTRY: named("one")})
    execute(
        backend,
        "INSERT INTO credential (registry_id, added, state, username, secret, expires_at) VALUES"
        "(1, 2, 'active', 'AWS', x'00', 'never'), (1, 3, 'inactive', 'AWS', x'00', 'never')",
    )
    backend.store.put("default", {REGISTRY: named("new")})
    assert rows(backend) == [
        (1, "AWS", "active", "one"),
        (2, "AWS", "active", "new"),
        (3, "AWS", "inactive", "\0"),
    ]
    assert backend.store.find("default", REGISTRY) == named("new")


def test_a_removed_registry_is_added_again(backend: Backend) -> None:
    """A put at a removed address adds a new registry; the removed one stays as history."""
    for secret in ("one", "two", "three"):
        backend.store.put("default", {REGISTRY: named(secret)})
        execute(backend, "UPDATE registry SET state = 'removed'")
        assert backend.store.find("default", REGISTRY) is None
    backend.store.put("default", {REGISTRY.upper(): named("four")})
    assert backend.store.find("default", REGISTRY) == named("four")
    assert len(rows(backend)) == 4


def test_a_removed_credential_is_added_again(backend: Backend) -> None:
    """A put of a user whose row was removed makes a new row."""
    backend.store.put("default", {REGISTRY: named("one")})
    execute(backend, "UPDATE credential SET state = 'removed'")
    backend.store.put("default", {REGISTRY: named("two")})
    assert rows(backend) == [(1, "AWS", "removed", "one"), (2, "AWS", "active", "two")]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO registry (environment_id, address) VALUES (1, 'REGISTRY.EXAMPLE:5000')",
        "INSERT INTO environment (name) VALUES ('default')",
        "UPDATE registry SET state = 'sleeping'",
        "UPDATE credential SET state = 'sleeping'",
    ],
    ids=["address-twice", "environment-twice", "registry-state", "credential-state"],
)
def test_the_schema_holds_its_rules(backend: Backend, statement: str) -> None:
    """An address is there once in any case of letters, and there are three states."""
    backend.store.put("default", {REGISTRY: named("one")})
    with pytest.raises(sqlite3.IntegrityError):
        execute(backend, statement)
