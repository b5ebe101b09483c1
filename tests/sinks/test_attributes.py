"""Access control lists and other extended attributes: a replaced file opens to nobody new."""

import json
import os
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from refresher.sinks.attributes import copy_attributes
from refresher.sinks.privatefile import How, PrivateFile
from tests.conftest import requires
from tests.sinks import driver
from tests.sinks.plainuser import plain_user

ACCESS = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"
# acl(5): the owner, a named user, the owning group, the mask, others.
_OWNER, _USER, _GROUP, _MASK, _OTHER = 1, 2, 4, 16, 32
_NAMED = 1234
_UNDEFINED = 0xFFFFFFFF


def access_list(*, named: int = 4, group: int = 0, mask: int = 4) -> bytes:
    """Return a list in the form in which the kernel takes it (linux/posix_acl_xattr.h)."""
    rights = {_OWNER: 6, _USER: named, _GROUP: group, _MASK: mask, _OTHER: 0}
    entries = [
        struct.pack("<HHI", tag, bits, _NAMED if tag == _USER else _UNDEFINED)
        for tag, bits in rights.items()
    ]
    return struct.pack("<I", 2) + b"".join(entries)


def put_attribute(path: Path, name: str, value: bytes) -> None:
    """Set an attribute, or skip the test where the file system has none."""
    try:
        os.setxattr(path, name, value)
    except OSError:
        requires("a file system with access control lists", available=False)


def attribute(path: Path, name: str) -> bytes | None:
    """Return an attribute of a file, None if it has none."""
    return os.getxattr(path, name) if name in os.listxattr(path) else None


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a private file with some content."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("how", list(How))
def test_an_access_list_is_kept(path: Path, how: How) -> None:
    """Whom the list lets in is the same after a write: no user is lost, no group gets in."""
    put_attribute(path, ACCESS, access_list())
    private = PrivateFile(path, how=how)
    assert private.put(private.look(), b"new") == ()
    assert path.read_bytes() == b"new"
    assert attribute(path, ACCESS) == access_list()
    assert mode(path) == 0o640  # the bits of the group are the mask


@pytest.mark.parametrize("how", list(How))
def test_a_mode_tightens_an_access_list_too(path: Path, how: How) -> None:
    """A mode that allows the group nothing leaves the list without effect."""
    put_attribute(path, ACCESS, access_list())
    private = PrivateFile(path, 0o600, how)
    private.put(private.look(), b"new")
    assert attribute(path, ACCESS) == access_list(mask=0)


@pytest.mark.parametrize("there", [access_list(), None], ids=["another list", "no list"])
def test_the_list_of_the_directory_lets_nobody_in(path: Path, there: bytes | None) -> None:
    """A file does not get the list that its directory gives to new files."""
    if there is not None:
        put_attribute(path, ACCESS, there)
    else:
        path.chmod(0o640)
    before = mode(path)
    put_attribute(path.parent, DEFAULT, access_list(named=6, group=6, mask=6))
    private = PrivateFile(path)
    private.put(private.look(), b"new")
    assert attribute(path, ACCESS) == there
    assert mode(path) == before


def test_other_attributes_are_kept(path: Path) -> None:
    """What somebody has noted at the file is still there when it is replaced."""
    put_attribute(path, "user.note", b"theirs")
    inode = path.stat().st_ino
    private = PrivateFile(path)
    private.put(private.look(), b"new")
    assert path.stat().st_ino != inode
    assert attribute(path, "user.note") == b"theirs"


@pytest.mark.parametrize(
    ("write", "after"), [("auto", 0o640), ("atomic", 0o600)], ids=["auto", "atomic"]
)
def test_a_list_that_can_not_be_copied_opens_nothing(path: Path, write: str, after: int) -> None:
    """It is kept by a write in place; where that is not allowed, the group has no rights.

    In a user namespace that does not know the user of the list, the list can't be set.
    """
    requires("unshare", package="util-linux")
    known = subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False)
    requires("user namespaces", available=known.returncode == 0)
    put_attribute(path, ACCESS, access_list())
    path.write_bytes(b"{}")
    settings = json.dumps({"path": str(path), "write": write})
    process = driver.start("write", settings, "h.example", "new", before=["unshare", "-Ur"])
    output, _ = process.communicate()
    assert output.startswith("Written")
    assert "access control list" in output
    assert "h.example" in path.read_text()
    assert mode(path) == after
    assert attribute(path, ACCESS) == (access_list() if write == "auto" else None)


@pytest.mark.parametrize(
    ("name", "value", "same"), [(ACCESS, access_list(), False), ("user.note", b"theirs", True)]
)
def test_only_a_list_is_insisted_on(name: str, value: bytes, same: bool) -> None:  # noqa: FBT001 - a parameter
    """Where nothing can be set, a missing list is told, and other attributes are let go."""
    with plain_user() as directory, Path("/etc/passwd").open("rb") as another:
        old = directory / "old"
        old.touch()
        put_attribute(old, name, value)
        assert copy_attributes(old, another.fileno()) == same


def test_attributes_that_can_not_be_read_are_let_go() -> None:
    """A note at a file that may be replaced but not read is no reason to fail."""
    with plain_user() as directory:
        old, new = directory / "old", directory / "new"
        for file, value in ((old, b"theirs"), (new, b"ours")):
            file.touch()
            put_attribute(file, "user.note", value)
        old.chmod(0)
        with new.open("rb") as opened:
            assert copy_attributes(old, opened.fileno())
        assert attribute(new, "user.note") == b"ours"


def test_a_file_system_without_attributes_has_none(path: Path) -> None:
    """Where there are no attributes, there are none to lose."""
    with path.open("rb") as new:
        assert copy_attributes(Path("/proc/self/status"), new.fileno())


def test_what_is_gone_has_no_attributes(path: Path, tmp_path: Path) -> None:
    """A file that vanishes is told by the look right before it is replaced, not here."""
    with path.open("rb") as new:
        assert copy_attributes(tmp_path / "missing", new.fileno())


def test_a_link_that_leads_nowhere_is_an_error(path: Path) -> None:
    """What hinders the look at the attributes is told, not taken for none."""
    link = path.with_name("link")
    link.symlink_to(link)
    with path.open("rb") as new, pytest.raises(OSError, match="links"):
        copy_attributes(link, new.fileno())
