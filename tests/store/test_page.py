"""The registry page in a file and on a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refresher.store import Backend, open_store
from tests.doubles.postgres import PostgresServer
from tests.store.contracts import RegistriesContract


class TestSqliteRegistries(RegistriesContract):
    """The contract of the registry page, in a file."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> Iterator[None]:
        self._made: list[Backend] = []
        self._path = tmp_path
        yield
        for backend in self._made:
            backend.close()

    def make_backend(self) -> Backend:
        """Return one over a new file."""
        self._made.append(open_store(str(self._path / "refresher.db")))
        return self._made[-1]


class TestPostgresRegistries(RegistriesContract):
    """The contract of the registry page, on a server."""

    @pytest.fixture(autouse=True)
    def _databases(self, server: PostgresServer) -> Iterator[None]:
        self._made: list[Backend] = []
        self._server = server
        yield
        for backend in self._made:
            backend.close()

    def make_backend(self) -> Backend:
        """Return one over a new database."""
        self._made.append(open_store(self._server.url(self._server.empty_database())))
        return self._made[-1]
