"""The registry page over a store whose secrets are sealed."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.model.registered import RowState
from refresher.model.resolving import Reason, Unresolved
from refresher.ports.registries import Registries, Resolved
from refresher.store import Backend, open_store
from refresher.store.sealing.resealing import Resealed
from refresher.store.sealing.seal import SEALED
from tests.store.contracts.page import ENVIRONMENT, add, page_of, shown
from tests.store.contracts.samples import NOW, REGISTRY, named

Open = Callable[..., Registries]

IMAGE: Final = f"{REGISTRY}/app"
RIGHT, WRONG = os.urandom(32), os.urandom(32)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Give what opens the page of one store with a key, or without."""
    backends: list[Backend] = []

    def opened(key: bytes | None = RIGHT) -> Registries:
        key_file = tmp_path / f"key-{len(backends)}"
        key_file.write_text((key or b"").hex())
        location = str(tmp_path / "refresher.db")
        backends.append(open_store(location, key_file=key_file if key else None))
        return page_of(backends[-1])

    yield opened
    for backend in backends:
        backend.close()


def rows(tmp_path: Path) -> list[tuple[bytes, ...]]:
    """Return what stands in the rows of the credentials."""
    with closing(sqlite3.connect(tmp_path / "refresher.db")) as connection:
        return connection.execute("SELECT secret, * FROM credential ORDER BY id").fetchall()


def password(page: Registries) -> Secret:
    """Return what an image of the registry is pulled with."""
    answer = page.resolve(IMAGE, ENVIRONMENT, NOW)
    assert isinstance(answer, Resolved), answer
    return answer.credential.secret


def test_what_people_add_and_edit_is_sealed(opened: Open, tmp_path: Path) -> None:
    """It is found again with the key, by any case of the address, and is nowhere in the file."""
    page = opened()
    page.add_registry(ENVIRONMENT, REGISTRY.upper(), named("canary-one"))
    assert password(page) == Secret("canary-one")
    number = add(page, "canary-two").id
    assert password(page) == Secret("canary-two")
    page.edit_credential(ENVIRONMENT, REGISTRY, number, secret=Secret("canary-three"))
    assert password(opened()) == Secret("canary-three")
    assert all(row[0].startswith(SEALED) for row in rows(tmp_path))
    assert b"canary" not in (tmp_path / "refresher.db").read_bytes()


@pytest.mark.parametrize("sealed", ["credential", "records"])
def test_no_plain_secret_comes_beside_sealed_ones(
    opened: Open, tmp_path: Path, sealed: str
) -> None:
    """Whoever forgot the key is told so, before anything is written."""
    if sealed == "credential":
        opened().add_registry(ENVIRONMENT, REGISTRY, named("one"))
    else:
        key_file = tmp_path / "key"
        key_file.write_text(RIGHT.hex())
        backend = open_store(str(tmp_path / "refresher.db"), key_file=key_file)
        backend.records.fingerprint("AWS", Secret("one"))
        backend.close()
    before = rows(tmp_path)
    with pytest.raises(PermanentError, match="no key is configured") as caught:
        opened(None).add_registry(ENVIRONMENT, "other.example", named("two"))
    assert "store_key_file" in caught.value.hint
    assert rows(tmp_path) == before
    assert [each.address for each in opened().registries(ENVIRONMENT)] == [REGISTRY for _ in before]


@pytest.mark.parametrize("key", [None, WRONG], ids=["no-key", "wrong-key"])
def test_without_its_key_a_secret_is_neither_read_nor_replaced(
    opened: Open, tmp_path: Path, key: bytes | None
) -> None:
    """The error names the setting, and every row stays as it is."""
    opened().add_registry(ENVIRONMENT, REGISTRY, named("one"))
    page, before = opened(key), rows(tmp_path)
    number = shown(page).credentials[0].id
    for call in (
        lambda: page.resolve(IMAGE, ENVIRONMENT, NOW),
        lambda: page.edit_credential(ENVIRONMENT, REGISTRY, number, secret=Secret("two")),
    ):
        with pytest.raises(PermanentError) as caught:
            call()
        assert "store_key_file" in f"{caught.value} {caught.value.hint}"
    assert rows(tmp_path) == before


def test_what_needs_no_secret_needs_no_key(opened: Open, tmp_path: Path) -> None:
    """Without the key a person can look, edit the rest, deactivate and remove."""
    opened().add_registry(ENVIRONMENT, REGISTRY, named("one"))
    page = opened(None)
    number = shown(page).credentials[0].id
    page.edit_credential(ENVIRONMENT, REGISTRY, number, username="new", email="a@b.example")
    page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.INACTIVE)
    page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.ACTIVE)
    assert password(opened()) == Secret("one")
    page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE)
    page.set_registry(ENVIRONMENT, REGISTRY, RowState.REMOVED)
    assert [row[0] for row in rows(tmp_path)] == [b""]


def test_an_erased_secret_stays_erased(tmp_path: Path) -> None:
    """A new key finds nothing to seal in what is removed."""
    key_file = tmp_path / "key"
    key_file.write_text(RIGHT.hex())
    with closing(open_store(str(tmp_path / "refresher.db"), key_file=key_file)) as backend:
        page_of(backend).add_registry(ENVIRONMENT, REGISTRY, named("one"))
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page_of(backend).set_registry(ENVIRONMENT, REGISTRY, state)
        assert backend.reseal() == Resealed()
    assert [row[0] for row in rows(tmp_path)] == [b""]


def test_plain_secrets_are_sealed_when_they_are_written(opened: Open, tmp_path: Path) -> None:
    """They are read as they are until then, and an edit of something else leaves them."""
    opened(None).add_registry(ENVIRONMENT, REGISTRY, named("one"))
    page = opened()
    number = shown(page).credentials[0].id
    page.edit_credential(ENVIRONMENT, REGISTRY, number, email="a@b.example")
    assert password(page) == Secret("one")
    assert rows(tmp_path)[0][0] == b"one"
    page.edit_credential(ENVIRONMENT, REGISTRY, number, secret=Secret("two"))
    assert rows(tmp_path)[0][0].startswith(SEALED)


def test_a_damaged_secret_is_told_and_repaired_by_an_edit(opened: Open, tmp_path: Path) -> None:
    """An image gets nothing then, with the credential in the reason; a new secret heals it."""
    page = opened()
    number = page.add_registry(ENVIRONMENT, REGISTRY, named("one")).credentials[0].id
    with closing(sqlite3.connect(tmp_path / "refresher.db")) as connection, connection:
        connection.execute("UPDATE credential SET secret = CAST(secret || 'A' AS BLOB)")
    answer = page.resolve(IMAGE, ENVIRONMENT, NOW)
    assert isinstance(answer, Unresolved)
    assert answer.reason is Reason.NO_ACTIVE_CREDENTIAL
    assert f"the secret of credential {number} at registry {REGISTRY}" in answer.sentence
    page.edit_credential(ENVIRONMENT, REGISTRY, number, secret=Secret("two"))
    assert password(page) == Secret("two")
