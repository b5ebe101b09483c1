"""The lock on a file: it excludes, it ends, it leaves nothing behind."""

import errno
import fcntl
import os
import resource
import threading
from pathlib import Path

import pytest

from refresher.sinks.locks import exclusive


def test_one_at_a_time(tmp_path: Path) -> None:
    """Two threads never hold the lock of a file together, whether the file is there or not."""
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with exclusive(tmp_path / "file", 10):
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("held", [".", "file"], ids=["directory", "file"])
def test_waiting_ends(tmp_path: Path, held: str) -> None:
    """A lock that another holds, on the directory or the file, is waited for and given up."""
    (tmp_path / "file").touch()
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    other = os.open(tmp_path / held, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with (
            pytest.raises(TimeoutError, match="another process for 3 s") as caught,
            exclusive(tmp_path / "file", 3, monotonic=lambda: now, sleep=sleep),
        ):
            pass
    finally:
        os.close(other)
    assert caught.value.errno == errno.ETIMEDOUT
    assert now == pytest.approx(3, abs=0.1)


def test_a_file_in_two_directories_is_one(tmp_path: Path) -> None:
    """Who sees the same file through another directory is excluded too."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "file").touch()
    (tmp_path / "two" / "file").hardlink_to(tmp_path / "one" / "file")
    with (
        exclusive(tmp_path / "one" / "file", 1),
        pytest.raises(TimeoutError),
        exclusive(tmp_path / "two" / "file", 0),
    ):
        pass


def test_without_a_directory_there_is_no_lock(tmp_path: Path) -> None:
    """What can't be opened is no obstacle, and the caller is told."""
    with exclusive(tmp_path / "missing" / "file", 1) as alone:
        assert alone is False


def test_without_locks_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no locks is no obstacle, and the caller is told."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with exclusive(tmp_path / "file", 1) as alone:
        assert alone is False


def test_without_descriptors_there_is_no_work(tmp_path: Path) -> None:
    """What is used up comes back: until then nobody works without the lock that there is."""
    _, hard = limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"), exclusive(tmp_path / "file", 0):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    """Whatever ends the work frees the lock."""
    with pytest.raises(RuntimeError), exclusive(tmp_path / "file", 0):
        raise RuntimeError
    with exclusive(tmp_path / "file", 0) as alone:
        assert alone is True
