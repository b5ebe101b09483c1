"""A file of secrets appears whole, for its owner alone, or not at all."""

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from refresher.errors import PermanentError, StoreError
from refresher.store.sqlite.newfile import NewFile


def write(target: Path, text: str = "new", *, force: bool = False) -> int:
    """Make the file."""
    with NewFile(target, force=force) as new:
        new.path.write_text(text)
        return new.keep()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_its_owners_alone_from_the_first_byte(tmp_path: Path, umask: int) -> None:
    """Whatever the umask is, and nothing else is left beside it."""
    target = tmp_path / "copy.db"
    before = os.umask(umask)
    try:
        with NewFile(target) as new:
            assert stat.S_IMODE(new.path.stat().st_mode) == 0o600
            assert new.path.parent == tmp_path
            assert not target.exists()
            new.path.write_text("secret")
            assert new.keep() == len("secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text() == "secret"
    assert list(tmp_path.iterdir()) == [target]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither half a file under the name nor one beside it."""
    with ExitStack() as stack:
        new = stack.enter_context(NewFile(tmp_path / "copy.db"))
        new.path.write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    """Without force, also if it appears while the new one is written."""
    target = tmp_path / "copy.db"
    target.write_text("old")
    with pytest.raises(PermanentError, match=r"copy\.db exists") as caught:
        write(target)
    assert "--force" in caught.value.hint
    target.unlink()
    with NewFile(target) as new:
        target.write_text("somebody else's")
        with pytest.raises(PermanentError, match=r"copy\.db exists"):
            new.keep()
    assert target.read_text() == "somebody else's"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_that_leads_nowhere_is_there_too(tmp_path: Path) -> None:
    """Whoever made it meant something by it."""
    target = tmp_path / "copy.db"
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermanentError, match="exists"):
        write(target)
    write(target, force=True)
    assert not target.is_symlink()
    assert target.read_text() == "new"


def test_force_replaces_a_file_and_its_mode(tmp_path: Path) -> None:
    """Others may have been allowed to read the old one."""
    target = tmp_path / "copy.db"
    target.write_text("old")
    target.chmod(0o644)
    write(target, force=True)
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_force_replaces_nothing_but_files(tmp_path: Path, kind: str) -> None:
    """A backup in the place of /dev/null would be a loss."""
    target = tmp_path / "copy.db"
    if kind == "directory":
        target.mkdir()
    else:
        os.mkfifo(target)
    with pytest.raises(PermanentError, match="no regular file"):
        write(target, force=True)
    assert target.exists()
    assert not target.is_file()


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    """A run that is alive keeps what it makes, and so does everybody else."""
    target = tmp_path / "copy.db"
    dead = tmp_path / ".copy.db.xyz.partial"
    others = (tmp_path / ".other.db.xyz.partial", tmp_path / ".copy.db.xyz", tmp_path / "copy.db2")
    for path in (dead, *others):
        path.write_text("secret")
    with NewFile(target) as first:
        assert not dead.exists()
        with NewFile(target) as second:
            second.path.write_text("second")
            second.keep()
        assert first.path.exists()
    assert {*tmp_path.iterdir()} == {target, *others}


def test_a_file_system_without_links_is_good_enough(tmp_path: Path) -> None:
    """FAT has none; a rename does it then."""

    class _NoLinks(type(tmp_path)):  # type: ignore[misc]  # the class of paths on this system
        def hardlink_to(self, target: Path) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(target))

    write(_NoLinks(tmp_path / "copy.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]
    with pytest.raises(PermanentError, match="exists"):
        write(_NoLinks(tmp_path / "copy.db"))


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    """It is not made: its name may be a slip."""
    with pytest.raises(PermanentError, match="No such file or directory") as caught:
        write(tmp_path / "missing" / "copy.db")
    assert str(tmp_path / "missing" / "copy.db") in str(caught.value)


def test_a_place_that_is_not_ours_is_told(powerless: Path) -> None:
    """With the user who would have to be allowed."""
    powerless.chmod(0o500)
    with pytest.raises(PermanentError, match="Permission denied") as caught:
        write(powerless / "copy.db")
    assert str(os.geteuid()) in caught.value.hint


def test_a_full_disk_may_heal() -> None:
    """It is told as what time, or some cleaning up, puts right."""
    with pytest.raises(StoreError, match="No space left"), NewFile(Path("x"))._explained():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
