"""Runs a part of a test without the rights of root, whoever runs the tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NOBODY: Final = 65534
"""A user and a group that own nothing."""


@contextmanager
def plain_user() -> Iterator[Path]:
    """Be a user whom permissions bind, and yield a directory of that user's own.

    pytest's own directories can't be reached by another user.
    """
    directory = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(directory, NOBODY, NOBODY)
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        yield directory
    finally:
        if root:
            os.seteuid(0)
            os.setegid(0)
        directory.chmod(0o700)
        shutil.rmtree(directory)
