"""A store with a key keeps every contract, and no secret stands in its file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.ports import Records, Store
from refresher.store import Backend, open_store
from refresher.store.sealing.seal import SEALED, Plain
from tests.store.contracts import RecordsContract, RegistriesContract, StoreContract, named

REGISTRY = "registry.example:5000"
CANARY = "canary-in-a-sealed-store"


class Sealed:
    """Makes backends with a key in a directory of the test, and closes them."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> Iterator[None]:
        self._made: list[Backend] = []
        self._path = tmp_path
        (tmp_path / "key").write_text(os.urandom(32).hex())
        yield
        for backend in self._made:
            backend.close()

    def make_backend(self) -> Backend:
        """Return a backend over a new database."""
        location = str(self._path / f"{len(self._made)}.db")
        self._made.append(open_store(location, key_file=self._path / "key"))
        return self._made[-1]


class TestSealedStore(Sealed, StoreContract):
    """The contract of the registry store."""

    def make_store(self) -> Store:
        """Return a new one."""
        return self.make_backend().store

    def test_no_secret_stands_in_the_file(self) -> None:
        """Nor does a part of one, or the password in another form."""
        backend = self.make_backend()
        backend.store.put("default", {REGISTRY: named(CANARY)})
        content = Path(backend.location).read_bytes()
        assert SEALED in content
        assert CANARY.encode() not in content
        assert CANARY.encode().hex().encode() not in content


class TestSealedRecords(Sealed, RecordsContract):
    """The contract of the records."""

    def make_records(self) -> Records:
        """Return new ones."""
        return self.make_backend().records


class TestSealedRegistries(Sealed, RegistriesContract):
    """The contract of the registry page."""


def test_a_plain_secret_that_looks_sealed_is_refused() -> None:
    """It could not be told from one when it is read."""
    with pytest.raises(PermanentError, match="can't be stored plain") as caught:
        Plain().seal(Secret(f"{SEALED.decode()}1:"), "default", REGISTRY)
    assert "store_key_file" in caught.value.hint
