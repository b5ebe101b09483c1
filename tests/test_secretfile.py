"""Secrets from files and variables: one line ending goes, everything odd is named, never shown."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.secretfile import (
    SIZE_LIMIT,
    secret_from_env,
    secret_from_file,
    secret_from_text,
    strip_line_ending,
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"tok", "tok", id="bare"),
        pytest.param(b"tok\n", "tok", id="newline"),
        pytest.param(b"tok\r\n", "tok", id="windows"),
        pytest.param(b"tok\r", "tok", id="old mac"),
        pytest.param(b" tok \n", " tok ", id="spaces stay"),
        pytest.param(b"0123\n", "0123", id="digits stay text"),
        pytest.param(b"p:a:s:s\n", "p:a:s:s", id="colons"),
        pytest.param(b"\xef\xbb\xbftok\n", "tok", id="byte order mark"),
        pytest.param("pä\N{SNOWMAN}\n".encode(), "pä\N{SNOWMAN}", id="other scripts"),
    ],
)
def test_one_line_ending_is_taken_off(tmp_path: Path, raw: bytes, expected: str) -> None:
    """A file's text is the secret, but for one line ending and a byte order mark."""
    path = tmp_path / "secret"
    path.write_bytes(raw)
    assert secret_from_file(path, "password_file") == Secret(expected)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(b"to\x00k", "control character at position 2", id="NUL"),
        pytest.param(b"tok\n\n", "control character at position 3", id="two newlines"),
        pytest.param(b"tok\r\n\r\n", "control character at position 3", id="two windows"),
        pytest.param(b"to\tk", "control character at position 2", id="tab"),
        pytest.param(b"\x7ftok", "control character at position 0", id="DEL"),
        pytest.param(b"user\npass\n", "control character at position 4", id="two lines"),
        pytest.param(b"to\xffk", "no UTF-8 at byte 2", id="no UTF-8"),
        pytest.param("tok".encode("utf-16"), "no UTF-8 at byte 0", id="UTF-16"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n", "is empty", id="a newline alone"),
        pytest.param(b"x" * (SIZE_LIMIT + 1), "larger than 65536 bytes", id="huge"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    """A malformed file is refused with its setting, its path and the place of the defect alone."""
    path = tmp_path / "secret"
    path.write_bytes(raw)
    with pytest.raises(PermanentError, match=message) as caught:
        secret_from_file(path, "password_file")
    text = str(caught.value) + caught.value.hint
    assert f"password_file {path}" in text
    assert "tok" not in text
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("canary", "", id="no file"),
        pytest.param("canary/canary", "", id="no directory"),
        pytest.param("file/canary", "file", id="below a file"),
        pytest.param("directory/canary", "directory", id="in a directory"),
        pytest.param(
            "directory/canary/secret+canary/==", "directory", id="a password with slashes"
        ),
    ],
)
def test_a_missing_file_is_told_by_what_is_there(tmp_path: Path, path: str, found: str) -> None:
    """The setting, and how far its path leads: the rest may be the password itself."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(PermanentError) as caught:
        secret_from_file(tmp_path / path, "password_file")
    leads = f"its path leads as far as {tmp_path / found}"
    assert str(caught.value) == f"password_file does not exist; {leads}"
    assert "canary" not in caught.value.hint


def test_a_relative_path_that_is_missing_is_told() -> None:
    """It leads no further than the working directory."""
    with pytest.raises(PermanentError, match=r"does not exist; its path leads as far as \.\Z"):
        secret_from_file(Path("canary"), "password_file")


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    """The link is there, so its name is shown."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PermanentError, match=f"password_file {tmp_path / 'link'} does not exist"):
        secret_from_file(tmp_path / "link", "password_file")


@pytest.mark.parametrize("kind", ["directory", "fifo", "too large", "empty", "good"])
def test_no_reading_keeps_a_descriptor(tmp_path: Path, kind: str) -> None:
    """A daemon tries again for good, also with a directory that Docker made of a missing file."""
    path = tmp_path / "secret"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(b"x" * {"too large": SIZE_LIMIT + 1, "empty": 0}.get(kind, 8))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with contextlib.suppress(PermanentError):
            secret_from_file(path, "password_file")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_directory_is_named(tmp_path: Path) -> None:
    """A directory, as Kubernetes mounts a Secret, is told apart from a file."""
    with pytest.raises(PermanentError, match="is a directory"):
        secret_from_file(tmp_path, "password_file")


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    """A FIFO is refused at once: it could not be read a second time."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermanentError, match="no regular file"):
        secret_from_file(tmp_path / "pipe", "password_file")


def test_a_loop_of_links_is_named(tmp_path: Path) -> None:
    """Symbolic links that lead nowhere are an error of the path."""
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(PermanentError, match="go round in a circle"):
        secret_from_file(tmp_path / "a", "password_file")


def test_links_are_followed(tmp_path: Path) -> None:
    """A mounted Secret is a link to a link, and is read anew when the link is swapped."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "token").write_text(f"tok-{version}\n")
    (tmp_path / "..data").symlink_to("1")
    (tmp_path / "token").symlink_to("..data/token")
    assert secret_from_file(tmp_path / "token", "password_file") == Secret("tok-1")
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(tmp_path / "..data")
    assert secret_from_file(tmp_path / "token", "password_file") == Secret("tok-2")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_named(tmp_path: Path) -> None:
    """A file that this user may not read says so."""
    path = tmp_path / "secret"
    path.write_text("tok")
    path.chmod(0)
    with pytest.raises(PermanentError, match="permission denied"):
        secret_from_file(path, "password_file")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("a\0b", "control character", id="NUL in the path"),
        pytest.param("x" * 5000, "holds the content itself", id="long"),
        pytest.param("/dev/null", "no regular file", id="device"),
    ],
)
def test_an_impossible_path_is_no_crash(path: str, message: str) -> None:
    """A path that no file can have is an error like any other."""
    with pytest.raises(PermanentError, match=message):
        secret_from_file(Path(path), "password_file")


def test_a_variable_is_read_like_a_file() -> None:
    """An environment variable loses one line ending too."""
    assert secret_from_env("HUB", {"HUB": "tok\r\n"}, "password_env") == Secret("tok")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        pytest.param({}, "names an environment variable that is not set", id="not set"),
        pytest.param({"HUB": ""}, "password_env HUB is empty", id="empty"),
        pytest.param({"HUB": "to\nk"}, "control character at position 2", id="control"),
        pytest.param({"HUB": "to\udcffk"}, "no text at position 2", id="no UTF-8"),
    ],
)
def test_a_bad_variable_is_named(env: dict[str, str], message: str) -> None:
    """A variable that is missing or malformed is refused by name, without its value."""
    with pytest.raises(PermanentError, match=message) as caught:
        secret_from_env("HUB", env, "password_env")
    assert caught.value.__context__ is None


def test_a_variable_that_is_not_set_is_not_repeated() -> None:
    """A password in the place of the name stays unseen."""
    with pytest.raises(PermanentError) as caught:
        secret_from_env("hunter2canary", {"HUB": "x"}, "password_env")
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert "password_env" in caught.value.hint


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_secret_or_an_error(text: str) -> None:
    """Whatever stands there, the answer is the text without its line ending, or a named error."""
    try:
        outcome = secret_from_text(text, "it").reveal()
    except PermanentError as error:
        outcome = str(error)
    assert outcome == strip_line_ending(text) or outcome.startswith("it ")
