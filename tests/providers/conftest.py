"""Clouds on loopback for the providers' tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.aws import AwsDouble, without_aws


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AwsDouble]:
    """An AWS that answers well, in an environment that leads nowhere else."""
    clean = without_aws(os.environ)
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    with AwsDouble() as double:
        for name, value in {**double.environment(), "HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        yield double
