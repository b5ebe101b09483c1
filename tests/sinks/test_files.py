"""Private files: never open to others, never half written, nothing left over."""

import errno
import os
import resource
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refresher.sinks import files
from refresher.sinks.files import ChangedError, Seen, look
from refresher.sinks.privatefile import MAX_BYTES, How, PrivateFile
from tests.conftest import requires
from tests.sinks.plainuser import NOBODY, plain_user

Write = Callable[[Seen, bytes], object]


def replacing(seen: Seen, data: bytes) -> object:
    """Write by a new file."""
    return files.replace(seen, data, 0o600, keep_all=True)


def writing_over(seen: Seen, data: bytes) -> None:
    """Write into the old file."""
    files.write_over(seen, data, 0o600)


BOTH = pytest.mark.parametrize("write", [replacing, writing_over])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a private file with some content."""
    path = tmp_path / "file"
    path.write_bytes(b"old content")
    path.chmod(0o600)
    return path


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Run with an unusual umask, in a directory that was made before."""
    before = os.umask(request.param)
    yield tmp_path
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@BOTH
@pytest.mark.parametrize("data", [b"", b"new", b"new content that is longer"], ids=len)
def test_the_content_is_what_was_written(write: Write, file: Path, data: bytes) -> None:
    """Shorter, longer or empty: afterwards the file holds the new content and nothing else."""
    write(look(file, MAX_BYTES), data)
    assert file.read_bytes() == data
    assert list(file.parent.iterdir()) == [file]
    assert mode(file) == 0o600


def test_a_replaced_file_is_a_new_one(file: Path) -> None:
    """Who had the old file open still reads the old content; writing over keeps the file."""
    inode = file.stat().st_ino
    with file.open("rb") as reader:
        replacing(look(file, MAX_BYTES), b"new")
        assert reader.read() == b"old content"
    assert file.stat().st_ino != inode
    inode = file.stat().st_ino
    writing_over(look(file, MAX_BYTES), b"newer")
    assert file.stat().st_ino == inode


@BOTH
@pytest.mark.parametrize(
    "meddle",
    [lambda path: path.write_bytes(b"theirs"), lambda path: path.write_bytes(b"old content!")],
    ids=["other content", "longer content"],
)
def test_what_was_not_seen_is_not_lost(
    write: Write, file: Path, meddle: Callable[[Path], object]
) -> None:
    """A file that changed since it was seen is left alone, and nothing is left over."""
    seen = look(file, MAX_BYTES)
    meddle(file)
    theirs = file.read_bytes()
    with pytest.raises(ChangedError):
        write(seen, b"ours")
    assert file.read_bytes() == theirs
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_appears_is_not_lost(file: Path) -> None:
    """A file that was missing when it was looked for, and is there now, is left alone."""
    seen = Seen(file, b"")
    for theirs in (b"theirs", b""):
        file.write_bytes(theirs)
        with pytest.raises(ChangedError):
            replacing(seen, b"ours")
        assert file.read_bytes() == theirs


def test_a_file_that_turns_into_a_directory_is_left_alone(file: Path) -> None:
    """What can't be compared any more has changed."""
    seen = look(file, MAX_BYTES)
    file.unlink()
    file.mkdir()
    with pytest.raises(ChangedError):
        replacing(seen, b"ours")
    assert list(file.parent.iterdir()) == [file]


@BOTH
def test_a_full_disk_costs_nothing(write: Write, file: Path) -> None:
    """When the new content does not fit, the old one stays whole and nothing is left over.

    A limit on file sizes fails in the middle of a write like a full disk.
    """
    seen = look(file, MAX_BYTES)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        with pytest.raises(OSError, match="large") as caught:
            write(seen, b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert file.read_bytes() == b"old content"
    assert list(file.parent.iterdir()) == [file]


def test_a_new_file_is_private_under_any_umask(umask: Path) -> None:
    """New directories are 0700 and a new file 0600, however open or closed the umask is."""
    target = umask / "a" / "b" / "file"
    files.make_directory(target.parent)
    replacing(look(target, MAX_BYTES), b"secret")
    assert [mode(path) for path in (target, *target.parents[:2])] == [0o600, 0o700, 0o700]


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Making a directory that exists changes nothing about it."""
    tmp_path.chmod(0o755)
    files.make_directory(tmp_path)
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize(
    ("make", "number"),
    [
        pytest.param(lambda path: path.mkdir(), errno.EISDIR, id="directory"),
        pytest.param(os.mkfifo, errno.ENXIO, id="pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/null"), errno.ENXIO, id="device"),
        pytest.param(lambda path: path.symlink_to(path), errno.ELOOP, id="circle"),
        pytest.param(lambda path: path.symlink_to(path / "x"), errno.ELOOP, id="circle below"),
        pytest.param(lambda path: path.symlink_to("x" * 300), errno.ENAMETOOLONG, id="long"),
    ],
)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], number: int
) -> None:
    """A directory, a pipe that nobody writes to, a device or a circle of links is an error."""
    path = tmp_path / "file"
    make(path)
    with pytest.raises(OSError, match=r"\w") as caught:
        look(path, MAX_BYTES)
    assert caught.value.errno == number


@pytest.mark.parametrize("name", ["a\0b", "\0", "\ud800"], ids=ascii)
def test_what_is_no_path_is_refused(tmp_path: Path, name: str) -> None:
    """Characters that no file's name can hold are an error of the system, not of this program."""
    for path in (tmp_path / name, tmp_path / name / "file"):
        with pytest.raises(OSError, match="no path") as caught:
            look(path, MAX_BYTES)
        assert caught.value.errno == errno.EINVAL


def test_an_open_file_without_a_name_is_told(file: Path) -> None:
    """A link to an open file that is deleted does not stand for a file of another name."""
    with file.open("rb") as opened:
        link = Path(f"/proc/self/fd/{opened.fileno()}")
        assert look(link, MAX_BYTES).data == b"old content"
        file.unlink()
        with pytest.raises(OSError, match="deleted") as caught:
            look(link, MAX_BYTES)
    assert caught.value.errno == errno.ESTALE
    reader, writer = os.pipe()
    with pytest.raises(OSError, match="no regular file"):
        look(Path(f"/proc/self/fd/{reader}"), MAX_BYTES)
    os.close(reader)
    os.close(writer)
    assert not list(file.parent.iterdir())


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Beyond the limit a file is refused before it costs memory."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(OSError, match="64 MiB") as caught:
        look(path, MAX_BYTES)
    assert caught.value.errno == errno.EFBIG


def test_a_reader_finds_the_old_or_the_new_file(file: Path) -> None:
    """While a file is replaced again and again, every read finds one whole content."""
    contents = [b"a" * 10_000, b"b" * 20_000]
    replacing(look(file, MAX_BYTES), contents[0])
    done = threading.Event()
    torn: list[bytes] = []

    def read() -> None:
        while not done.is_set():
            if (content := file.read_bytes()) not in contents:
                torn.append(content)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        replacing(look(file, MAX_BYTES), contents[number % 2])
    done.set()
    reader.join()
    assert not torn


def test_leftovers_of_a_killed_run_are_removed(file: Path) -> None:
    """What a killed process left next to this file goes; files of others and of others' stay."""
    other = file.parent / "other"
    leftovers = [files._prefix(target) + "0123" for target in (file, other)]
    for name in leftovers:
        (file.parent / name).touch()
    files.remove_leftovers(file)
    assert {path.name for path in file.parent.iterdir()} == {"file", leftovers[1]}
    files.remove_leftovers(file.parent / "missing" / "file")


def test_a_name_of_any_length_can_be_replaced(tmp_path: Path) -> None:
    """The name of the new file does not grow with the file's own name."""
    path = tmp_path / ("x" * 255)
    replacing(look(path, MAX_BYTES), b"new")
    assert path.read_bytes() == b"new"


# --- the mode and the owner -----------------------------------------------------


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(
    ("modes", "told"),
    [
        pytest.param((None, None, 0o600), "", id="new"),
        pytest.param((None, 0o640, 0o640), "", id="new, shared"),
        pytest.param((0o600, None, 0o600), "", id="private"),
        pytest.param((0o640, None, 0o640), "open to others", id="shared"),
        pytest.param((0o644, None, 0o644), "open to others", id="open"),
        pytest.param((0o640, 0o640, 0o640), "", id="shared as set"),
        pytest.param((0o644, 0o640, 0o640), "", id="tightened"),
        pytest.param((0o666, 0o600, 0o600), "", id="made private"),
        pytest.param((0o600, 0o640, 0o600), "stricter", id="not loosened"),
        pytest.param((0o4755, 0o600, 0o600), "", id="odd bits"),
    ],
)
def test_a_mode_is_kept_or_tightened(
    tmp_path: Path, how: How, modes: tuple[int | None, int | None, int], told: str
) -> None:
    """An existing mode is never loosened; it is tightened if asked for, and told of if open.

    The modes are what is there, what is set, and what is there afterwards.
    """
    there, wanted, after = modes
    path = tmp_path / "file"
    if there is not None:
        path.write_bytes(b"old")
        path.chmod(there)
    file = PrivateFile(path, wanted, how)
    seen = file.look()
    file.put(seen, b"new")
    assert mode(path) == after
    assert (told in "".join(file.notes(seen))) if told else not file.notes(seen)


def test_an_unchanged_file_can_be_tightened(file: Path) -> None:
    """The mode alone can be changed, which leaves the content and its time alone."""
    file.chmod(0o644)
    before = file.stat().st_mtime_ns
    for wanted, after in ((None, 0o644), (0o640, 0o640)):
        private = PrivateFile(file, wanted)
        private.tighten(private.look())
        assert mode(file) == after
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("how", list(How))
def test_the_owner_stays(file: Path, how: How) -> None:
    """A file that belongs to somebody else still does after a write by root."""
    requires("root to give files away", available=os.geteuid() == 0)
    os.chown(file, 1234, 2345)
    private = PrivateFile(file, how=how)
    assert private.put(private.look(), b"new") == ()
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("how", "owner", "told"),
    [(How.AUTO, 0, "in place"), (How.ATOMIC, NOBODY, "another owner"), (How.IN_PLACE, 0, "")],
    ids=list(How),
)
def test_an_owner_that_can_not_be_kept_is_not_lost_silently(
    how: How, owner: int, told: str
) -> None:
    """Without the right to set the owner, a file is written in place, or a note tells of it."""
    requires("root to make another's file", available=os.geteuid() == 0)
    with plain_user() as directory:
        path = directory / "file"
        os.seteuid(0)
        path.write_bytes(b"old")
        path.chmod(0o666)
        os.seteuid(NOBODY)
        private = PrivateFile(path, how=how)
        notes = private.put(private.look(), b"new")
        assert path.read_bytes() == b"new"
        assert path.stat().st_uid == owner
        assert told in "".join(notes)
        assert [entry.name for entry in directory.iterdir()] == ["file"]


def test_a_read_only_directory_with_a_writable_file_is_written_in_place() -> None:
    """Where no new file can be made but the old one written, it is, and a note says so."""
    with plain_user() as directory:
        path = directory / "file"
        path.write_bytes(b"old")
        directory.chmod(0o555)
        inode = path.stat().st_ino
        with (private := PrivateFile(path)).locked():
            notes = private.put(private.look(), b"new")
        assert path.read_bytes() == b"new"
        assert path.stat().st_ino == inode
        assert "in place" in notes[0]
        with pytest.raises(PermissionError):
            PrivateFile(path, how=How.ATOMIC).put(private.look(), b"newer")


def test_a_read_only_file_in_a_writable_directory_is_replaced() -> None:
    """A file of ours that may not be written is replaced, and stays read-only."""
    with plain_user() as directory:
        path = directory / "file"
        path.write_bytes(b"old")
        path.chmod(0o400)
        private = PrivateFile(path)
        assert private.put(private.look(), b"new") == ()
        assert path.read_bytes() == b"new"
        assert mode(path) == 0o400


def test_a_directory_that_can_not_be_listed_is_no_obstacle() -> None:
    """A directory that may be written but not read can't be locked; the file is written."""
    with plain_user() as directory:
        path = directory / "file"
        directory.chmod(0o300)
        with (private := PrivateFile(path)).locked():
            private.put(private.look(), b"new")
        assert path.read_bytes() == b"new"


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "not readable"])
def test_a_file_in_a_directory_that_can_not_be_listed_is_kept(
    readable: bool,  # noqa: FBT001 - a parameter
) -> None:
    """There a new file of a killed run would stay for ever, so it is written in place."""
    with plain_user() as directory:
        path = directory / "file"
        path.write_bytes(b"old")
        inode = path.stat().st_ino
        directory.chmod(0o700 if readable else 0o300)
        with (private := PrivateFile(path)).locked():
            notes = private.put(private.look(), b"new")
        assert path.read_bytes() == b"new"
        assert (path.stat().st_ino == inode) == (not readable)
        assert ("can't be listed" in "".join(notes)) == (not readable)


def test_a_read_only_file_in_a_directory_that_can_not_be_listed_is_replaced() -> None:
    """Where the file can't be written in place, a new one takes its place after all."""
    with plain_user() as directory:
        path = directory / "file"
        path.write_bytes(b"old")
        path.chmod(0o400)
        directory.chmod(0o300)
        private = PrivateFile(path)
        assert private.put(private.look(), b"new") == ()
        assert path.read_bytes() == b"new"


def test_where_nothing_may_be_written_nothing_is() -> None:
    """A denial is an error, and the file and its directory are as they were."""
    with plain_user() as directory:
        path = directory / "file"
        path.write_bytes(b"old")
        path.chmod(0o400)
        directory.chmod(0o555)
        private = PrivateFile(path)
        for file in (private, PrivateFile(directory / "missing")):
            with pytest.raises(PermissionError):
                file.put(file.look(), b"new")
        assert path.read_bytes() == b"old"
        assert list(directory.iterdir()) == [path]
