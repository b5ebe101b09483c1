"""The files behind the locks."""

import errno
import fcntl
import os
import resource
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from refresher.errors import LockTimeoutError, PermanentError, StoreError
from refresher.store.sqlite.locks import FileLocks, _lock, _signature


def test_names_become_files_that_people_can_read(tmp_path: Path) -> None:
    """A file starts with the name that it stands for, and stays in its directory."""
    locks = FileLocks(tmp_path / "locks")
    for name in ("prod/us-west-2", "../../etc/passwd", "x" * 1000):
        with locks.hold(name, 0):
            pass
    names = sorted(path.name for path in (tmp_path / "locks").iterdir())
    for name, start in zip(names, (".._.._etc_passwd-", "prod_us-west-2-", "x" * 60), strict=True):
        assert name.startswith(start)
        assert name.endswith(".lock")
        assert len(name) < 100
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]


def test_a_removed_file_stops_nobody(tmp_path: Path) -> None:
    """When somebody cleans the directory, the next holder makes a new file."""
    locks = FileLocks(tmp_path)
    with locks.hold("prod", 0):
        for path in tmp_path.iterdir():
            path.unlink()
    with locks.hold("prod", 0):
        assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_file_without_its_name_locks_nothing(tmp_path: Path, *, replaced: bool) -> None:
    """A lock on a file that was removed or replaced since it was opened does not count."""
    path = tmp_path / "prod.lock"
    with path.open("w") as file:
        path.unlink()
        if replaced:
            path.touch()
        with pytest.raises(FileNotFoundError):
            _lock(file.fileno(), path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in the place of a lock file is refused: nothing elsewhere is opened."""
    locks = FileLocks(tmp_path / "locks")
    with locks.hold("prod", 0):
        pass
    (path,) = (tmp_path / "locks").iterdir()
    path.unlink()
    path.symlink_to(os.devnull)
    with pytest.raises(Exception, match="the store can't use"), locks.hold("prod", 0):
        pass


@pytest.mark.parametrize(
    "kind", ["file", "dangling", "loop", "below-a-file", "a-directory-as-lock"]
)
def test_an_unusable_place_is_told_at_once(tmp_path: Path, kind: str) -> None:
    """It is not waited for, and nobody is said to hold the lock: the error names the path."""
    directory = tmp_path / "r.db.locks"
    if kind == "file":
        directory.touch()
    elif kind == "dangling":
        directory.symlink_to(tmp_path / "nowhere")
    elif kind == "loop":
        directory.symlink_to(directory)
    elif kind == "below-a-file":
        (tmp_path / "r.db").touch()
        directory = tmp_path / "r.db" / "r.db.locks"
    else:
        with FileLocks(directory).hold("prod", 0):
            (path,) = directory.iterdir()
        path.unlink()
        path.mkdir()
    begin = time.monotonic()
    with (
        pytest.raises(PermanentError, match=str(directory)) as caught,
        FileLocks(directory).hold("prod", 30),
    ):
        pass
    assert time.monotonic() - begin < 10
    assert "in the way" in caught.value.hint


@pytest.mark.parametrize("closed", ["directory", "file"])
def test_what_another_user_left_is_told_with_its_remedy(powerless: Path, closed: str) -> None:
    """A lock that a run of root made is no lock for us: the error says to give it or remove it."""
    directory = powerless / "r.db.locks"
    with FileLocks(directory).hold("prod", 0):
        (path,) = directory.iterdir()
    (directory if closed == "directory" else path).chmod(0)
    with pytest.raises(PermanentError, match="Permission denied") as caught:
        FileLocks(directory).hold("prod", 30).__enter__()
    assert f"give {directory} and what is in it to user {os.geteuid()}" in caught.value.hint
    assert "remove" in caught.value.hint


def test_a_place_without_rights_is_told(powerless: Path) -> None:
    """Where no lock directory can be made, the rights to the place are what is missing."""
    powerless.chmod(0o500)
    with pytest.raises(PermanentError, match="Permission denied") as caught:
        FileLocks(powerless / "r.db.locks").hold("prod", 30).__enter__()
    assert "write there" in caught.value.hint


def test_a_removed_directory_is_made_again(tmp_path: Path) -> None:
    """After `rm -r` of the directory the holder ends in peace, and the next one has a lock."""
    locks = FileLocks(tmp_path / "locks")
    with locks.hold("prod", 0):
        shutil.rmtree(tmp_path / "locks")
    with locks.hold("prod", 0), pytest.raises(LockTimeoutError), locks.hold("prod", 0):
        pass


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="needs a name of a removed directory"
)
def test_a_directory_that_takes_no_file_is_told(tmp_path: Path) -> None:
    """Where each new lock file is gone at once, that is told, and not that somebody holds it."""
    (tmp_path / "locks").mkdir()
    descriptor = os.open(tmp_path / "locks", os.O_RDONLY)
    (tmp_path / "locks").rmdir()
    locks = FileLocks(Path(f"/proc/self/fd/{descriptor}"))
    with pytest.raises(StoreError, match="No such file") as caught, locks.hold("prod", 30):
        pass
    assert "leave" in caught.value.hint
    os.close(descriptor)


def test_a_directory_that_is_cleaned_all_the_time_is_no_held_lock(tmp_path: Path) -> None:
    """Whatever a cleaner takes away at whatever moment, nobody is said to hold the lock."""
    locks = FileLocks(tmp_path / "locks")
    done = threading.Event()

    def clean() -> None:
        while not done.is_set():
            shutil.rmtree(tmp_path / "locks", ignore_errors=True)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for _ in range(300):
            with suppress(StoreError), locks.hold("prod", 0):
                pass
    finally:
        done.set()
        cleaner.join()


def test_a_child_that_leaves_the_block_ends_no_lock(tmp_path: Path) -> None:
    """A forked child that unwinds the holder's block leaves the lock to its parent."""
    locks = FileLocks(tmp_path)
    child = None
    with locks.hold("prod", 0):
        child = os.fork()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            with pytest.raises(LockTimeoutError), locks.hold("prod", 0):
                pass
    if child == 0:
        os._exit(0)
    with locks.hold("prod", 0):
        pass


@pytest.mark.parametrize(
    ("signed", "named"),
    [
        (None, f" (process {os.getpid()})"),
        (f"12345 {os.uname().nodename}\n", " (process 12345)"),
        ("1 refresher-6d5f.pod\n", " (process 1 of refresher-6d5f.pod)"),
        ("", ""),
        ("1", ""),
        ("of an older version\n", ""),
        ("1 \x1b[31m\n", ""),
        ("\udcff\n", ""),
        ("9" * 99 + " host\n", ""),
    ],
    ids=[
        "ours",
        "this host",
        "another host",
        "nothing",
        "half",
        "words",
        "escape",
        "bytes",
        "long",
    ],
)
def test_who_waits_is_told_who_holds(tmp_path: Path, signed: str | None, named: str) -> None:
    """The process that holds the lock is named, with its host if that is another, or not at all."""
    locks = FileLocks(tmp_path)
    with locks.hold("prod", 0):
        if signed is not None:
            (path,) = tmp_path.iterdir()
            path.write_bytes(signed.encode(errors="surrogateescape"))
        with pytest.raises(LockTimeoutError) as caught, locks.hold("prod", 0):
            pass
    assert str(caught.value) == f"another run{named} held the lock of prod for longer than 0 s"
    assert (named.strip(" ()") in caught.value.hint) is True


def test_without_room_the_holder_has_no_name(tmp_path: Path) -> None:
    """A full disk keeps nobody from the lock."""
    locks = FileLocks(tmp_path)
    _, hard = limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with (
            locks.hold("prod", 0),
            pytest.raises(LockTimeoutError, match=r"^another run held"),
            locks.hold("prod", 0),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_holder_whose_file_went_away_has_no_name(tmp_path: Path) -> None:
    """What can't be read names nobody."""
    assert _signature(tmp_path / "missing.lock") == ""


def test_a_lock_that_can_not_be_let_go_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work under it is done, so an error at its end is none of the work; closing frees it."""
    locks = FileLocks(tmp_path)
    flock = fcntl.flock

    def refuse(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_UN:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in range(2):
        with locks.hold("prod", 0):
            pass
