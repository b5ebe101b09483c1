"""Input files: every way in which they change shows, and nothing else does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from refresher.engine.inputs import digest
from refresher.testing import FakeClock
from tests.fakes import FileIssuer, Issuer


def _swap(path: Path) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text("one")
    fresh.replace(path)


def _swap_link(path: Path) -> None:
    """Do what the kubelet does with a mounted Secret."""
    other = path.parent / "..data_new"
    other.write_text("two")
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("longer"),
        _swap,
        _swap_link,
        lambda path: path.unlink(),
        lambda path: os.utime(path, (1, 1)),
    ],
    ids=["rewritten", "swapped", "link-swapped", "removed", "touched"],
)
def test_a_change_shows(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Whatever is done to the file, the digest differs."""
    path = tmp_path / "key"
    path.write_text("one")
    provider = FileIssuer(FakeClock(), path)
    before = digest(provider)
    change(path)
    assert digest(provider) != before


def test_without_a_change_it_stays(tmp_path: Path) -> None:
    """Reading changes nothing, and a file that is not there has a state, too."""
    path = tmp_path / "key"
    path.write_text("one")
    provider = FileIssuer(FakeClock(), path, tmp_path / "missing")
    before = digest(provider)
    path.read_text()
    assert digest(provider) == before


def test_no_files_are_no_digest() -> None:
    """A provider without files is never due for one."""
    assert digest(Issuer(FakeClock())) == ""
    assert digest(FileIssuer(FakeClock())) == ""
