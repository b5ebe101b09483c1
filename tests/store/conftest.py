"""What several tests of the store need."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from refresher.store import Backend, open_store
from tests.conftest import requires
from tests.doubles.postgres import PostgresServer, binaries

_NOBODY = 65534


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """Return an embedded backend that is empty."""
    backend = open_store(str(tmp_path / "refresher.db"))
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def _server() -> Iterator[PostgresServer | None]:
    programs = binaries()
    if programs is None or find_spec("psycopg") is None:
        yield None
        return
    with PostgresServer(programs) as server:
        yield server


@pytest.fixture
def server(_server: PostgresServer | None) -> Iterator[PostgresServer]:
    """Return a real server, which each process of the tests starts once."""
    requires("PostgreSQL and psycopg", package="postgresql", available=_server is not None)
    assert _server is not None
    yield _server
    _server.take_back()


@pytest.fixture
def backend_on_server(server: PostgresServer) -> Iterator[Backend]:
    """Return a backend over an empty database of the server."""
    backend = open_store(server.url(server.empty_database()))
    yield backend
    backend.close()


@pytest.fixture
def powerless() -> Iterator[Path]:
    """Return a directory of a user who can't do everything, and be that user."""
    directory = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(directory, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield directory
    finally:
        if root:
            os.setresuid(0, 0, 0)
        for path in (directory, *directory.rglob("*")):
            if path.is_dir():
                path.chmod(0o700)
        shutil.rmtree(directory)
