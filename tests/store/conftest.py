"""What several tests of the store need."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from refresher.store import Backend, open_store

_NOBODY = 65534


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """Return an embedded backend that is empty."""
    backend = open_store(str(tmp_path / "refresher.db"))
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
