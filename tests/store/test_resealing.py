"""A new key takes over every secret of a store, or none."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.ports import StoredCredential
from refresher.store import Backend, open_store
from refresher.store.sealing.resealing import Resealed
from refresher.store.sealing.seal import SEALED
from tests.doubles.postgres import PostgresServer

OLD, NEW = os.urandom(32), os.urandom(32)
REGISTRIES = ("docker.io", "registry.example:5000", "[2001:db8::1]:5000")
CANARY = "canary-of-resealing"

Open = Callable[..., Backend]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Give what opens the same store with these keys in its file, without any unsealed."""
    backends = []

    def opened(*keys: bytes) -> Backend:
        key_file = tmp_path / "key"
        key_file.write_text("\n".join(key.hex() for key in keys))
        backend = open_store(str(tmp_path / "store.db"), key_file=key_file if keys else None)
        backends.append(backend)
        return backend

    yield opened
    for backend in backends:
        backend.close()


def put(backend: Backend, environment: str = "default", *, username: str = "AWS") -> None:
    """Put a secret at every registry."""
    for registry in REGISTRIES:
        secret = Secret(f"{CANARY} of {registry}")
        backend.store.put(environment, {registry: StoredCredential(username, secret)})


def holds(backend: Backend, environment: str = "default") -> bool:
    """Tell whether every secret is found again."""
    found = backend.store.find_all(environment, REGISTRIES)
    return all(found[each].secret == Secret(f"{CANARY} of {each}") for each in REGISTRIES)


def rows(path: Path, query: str = "SELECT secret FROM credential ORDER BY id") -> list[bytes]:
    """Return the first column of what a query finds in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(query)]


def run(path: Path, statement: str, *values: object) -> None:
    """Change the file as a person would."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def test_plain_secrets_are_sealed(opened: Open, tmp_path: Path) -> None:
    """All of them, in every environment and state, and the key of the fingerprints; once."""
    plain = opened()
    put(plain)
    put(plain, "prod", username="ann")
    fingerprint = plain.records.fingerprint("AWS", Secret(CANARY))
    run(tmp_path / "store.db", "UPDATE credential SET state = 'inactive' WHERE id = 1")
    assert CANARY.encode() in (tmp_path / "store.db").read_bytes()
    sealed = opened(NEW)
    assert sealed.reseal() == Resealed(sealed=6)
    assert all(row.startswith(SEALED) for row in rows(tmp_path / "store.db"))
    assert rows(tmp_path / "store.db", "SELECT value FROM fingerprint_key")[0].startswith(SEALED)
    # Not even in what the database has given free.
    assert CANARY.encode() not in (tmp_path / "store.db").read_bytes()
    assert sealed.records.fingerprint("AWS", Secret(CANARY)) == fingerprint
    assert holds(sealed, "prod")
    before = rows(tmp_path / "store.db")
    assert sealed.reseal() == Resealed(current=6)
    assert rows(tmp_path / "store.db") == before


def test_a_key_is_rotated(opened: Open) -> None:
    """With both keys in the file everything is read; then the old one may go."""
    put(opened(OLD))
    both = opened(NEW, OLD)
    assert holds(both)
    assert both.reseal() == Resealed(sealed=3)
    assert holds(opened(NEW))


def test_without_the_old_key_nothing_is_changed(opened: Open, tmp_path: Path) -> None:
    """Not even the plain ones: the person puts the line back, and does it again."""
    put(opened(), "plain")
    put(opened(OLD))
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(PermanentError, match=r"store_key_file .* does not hold"):
        opened(NEW).reseal()
    assert (tmp_path / "store.db").read_bytes() == before


def test_without_a_key_there_is_nothing_to_seal_with(opened: Open) -> None:
    """The setting is named."""
    with pytest.raises(PermanentError, match="no key is configured") as caught:
        opened().reseal()
    assert "store_key_file" in caught.value.hint


@pytest.mark.parametrize("keys", [(), (NEW,)], ids=["no key", "wrong key"])
def test_a_sealed_store_is_neither_read_nor_overwritten_without_its_key(
    opened: Open, tmp_path: Path, keys: tuple[bytes, ...]
) -> None:
    """Reading and renewing say which file it takes, and the secrets stay for whoever has it."""
    right = opened(OLD)
    put(right)
    right.records.fingerprint("AWS", Secret("x"))
    before = rows(tmp_path / "store.db")
    other = opened(*keys)
    with pytest.raises(PermanentError) as read:
        other.store.find("default", REGISTRIES[0])
    with pytest.raises(PermanentError) as written:
        put(other)
    with pytest.raises(PermanentError) as fingerprint:
        other.records.fingerprint("AWS", Secret("x"))
    for caught in (read, written, fingerprint):
        assert "store_key_file" in f"{caught.value} {caught.value.hint}"
        assert CANARY not in str(caught.value)
    assert rows(tmp_path / "store.db") == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE credential SET secret = substr(secret, 1, 60)", id="cut"),
        pytest.param("UPDATE credential SET secret = CAST(secret || 'A' AS BLOB)", id="longer"),
        pytest.param(
            "UPDATE credential SET secret = (SELECT secret FROM credential ORDER BY id DESC) "
            "WHERE id = 1",
            id="moved from another registry",
        ),
        pytest.param(
            "UPDATE registry SET address = 'evil.example' WHERE id = 1", id="registry readdressed"
        ),
        pytest.param(
            "UPDATE environment SET name = 'evil' WHERE name = 'default'", id="environment renamed"
        ),
    ],
)
def test_a_damaged_or_moved_row_is_left_and_told(
    opened: Open, tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It opens for nobody; the others go on, and a new secret repairs it."""
    put(opened(OLD))
    run(tmp_path / "store.db", change)
    damaged = opened(NEW, OLD)
    found = dict(damaged.store.find_all("default", REGISTRIES))
    found |= damaged.store.find_all("evil", REGISTRIES)
    found |= damaged.store.find_all("default", ["evil.example"])
    assert REGISTRIES[0] not in found
    assert "evil.example" not in found
    done = damaged.reseal()
    assert done.unreadable >= 1
    assert done.sealed == 3 - done.unreadable
    assert "can't be read" in caplog.text
    assert CANARY not in caplog.text
    put(damaged)
    assert holds(damaged)


def test_a_secret_that_a_person_wrote_is_sealed(opened: Open, tmp_path: Path) -> None:
    """As text, by hand, in SQL."""
    put(opened())
    run(tmp_path / "store.db", "UPDATE credential SET secret = CAST(secret AS TEXT)")
    sealed = opened(NEW)
    assert sealed.reseal() == Resealed(sealed=3)
    assert holds(sealed)


def test_new_secrets_are_sealed_without_being_asked(opened: Open, tmp_path: Path) -> None:
    """What the daemon renews is sealed from the first byte; what it leaves alone stays plain."""
    put(opened())
    sealed = opened(NEW)
    renewed = StoredCredential("AWS", Secret("renewed"))
    sealed.store.put("default", {REGISTRIES[0]: renewed})
    found = [row.startswith(SEALED) for row in rows(tmp_path / "store.db")]
    assert found == [True, False, False]
    assert sealed.store.find("default", REGISTRIES[0]) == renewed


def test_secrets_on_a_server_are_sealed_too(server: PostgresServer, tmp_path: Path) -> None:
    """In one transaction, as in a file."""
    url = server.url(server.make_database())
    key_file = tmp_path / "key"
    key_file.write_text(NEW.hex())
    with closing(open_store(url)) as plain, closing(open_store(url, key_file=key_file)) as sealed:
        put(plain)
        fingerprint = plain.records.fingerprint("AWS", Secret(CANARY))
        assert sealed.reseal() == Resealed(sealed=3)
        assert sealed.reseal() == Resealed(current=3)
        assert holds(sealed)
        assert sealed.records.fingerprint("AWS", Secret(CANARY)) == fingerprint
        with pytest.raises(PermanentError, match="no key is configured"):
            plain.store.find("default", REGISTRIES[0])
