"""Reading a secret from where people keep it: a file or an environment variable.

One trailing line ending is taken off (editors and `echo` add it); anything else
that is no text is refused by its position, never by its value. Nor is a path
shown that leads nowhere: people put the secret itself where its path belongs.
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.model import pathtext
from refresher.model.credential import Secret, refuse_control_characters

SIZE_LIMIT: Final = 65_536
"""Bytes. The largest secret in use, a Google key in UTF-16 and base64, has about 8,000."""

_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_REASONS: Final = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist",
    errno.EACCES: "can't be read: permission denied",
    errno.EPERM: "can't be read: permission denied",
    errno.EISDIR: "is a directory: name the file inside it",
    errno.ELOOP: "can't be read: its symbolic links go round in a circle",
}


def read_bytes(path: Path, setting: str) -> bytes:
    """Return the bytes of a small regular file that `setting` names.

    Raises `PermanentError`, naming the setting and the path as far as it exists,
    if the file is missing, unreadable, no regular file, empty or larger than
    `SIZE_LIMIT`, or if the path is none.
    """
    refuse_content(str(path), setting)
    what = f"{setting} {path}"
    try:
        raw = _read_regular(path, what)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"can't be read: {error.strerror}")
        raise PermanentError(
            about(path, setting, reason),
            hint=f"check {setting}, and that this user may read the file",
        ) from None
    if len(raw) > SIZE_LIMIT:
        raise PermanentError(
            f"{what} is larger than {SIZE_LIMIT} bytes",
            hint=f"{setting} must name the file with the secret alone",
        )
    if not raw:
        raise PermanentError(f"{what} is empty", hint="write the secret to it")
    return raw


def refuse_content(text: str, setting: str) -> None:
    """Raise `PermanentError` if `text` can't be the path that `setting` should hold."""
    defect = pathtext.defect(text)
    if defect:
        raise PermanentError(
            f"{setting} {defect}", hint=f"write the content to a file, and its path to {setting}"
        )


def about(path: Path, setting: str, defect: str) -> str:
    """Return the message that the file at `path` has a defect; what does not exist is unnamed."""
    found = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if found == path:
        return f"{setting} {path} {defect}"
    return f"{setting} {defect}; its path leads as far as {found}"


def secret_from_file(path: Path, setting: str) -> Secret:
    """Return the secret in a file; see `read_bytes` and `secret_from_bytes` for what is refused."""
    return secret_from_bytes(read_bytes(path, setting), f"{setting} {path}")


def secret_from_bytes(raw: bytes, what: str) -> Secret:
    """Return the secret in UTF-8 bytes, with or without a byte order mark.

    Raises `PermanentError` for other bytes, and as `secret_from_text`.
    """
    position = _first_undecodable(raw)
    if position is not None:
        raise PermanentError(f"{what} is no UTF-8 at byte {position}", hint="save it as UTF-8 text")
    return secret_from_text(raw.decode().removeprefix(_BOM), what)


def secret_from_env(name: str, env: Mapping[str, str], setting: str) -> Secret:
    """Return the secret in the environment variable `name`.

    Raises `PermanentError` if it is not set, and as `secret_from_text`. A name
    that nobody set is not repeated: it may be the secret itself.
    """
    if name not in env:
        raise PermanentError(
            f"{setting} names an environment variable that is not set",
            hint=f"set the variable for this process, or correct {setting}",
        )
    return secret_from_text(env[name], f"{setting} {name}")


def secret_from_text(text: str, what: str) -> Secret:
    """Return the secret in `text` without one trailing line ending.

    Raises `PermanentError` if nothing is left, or for control characters: no
    client can send them (RFC 7617, section 2).
    """
    text = strip_line_ending(text)
    if not text:
        raise PermanentError(f"{what} is empty", hint="write the secret to it")
    refuse_control_characters(text, what)
    return Secret(text)


def strip_line_ending(text: str) -> str:
    r"""Return `text` without one trailing `\r\n`, `\n` or `\r`."""
    for ending in ("\r\n", "\n", "\r"):
        if text.endswith(ending):
            return text.removesuffix(ending)
    return text


def _read_regular(path: Path, what: str) -> bytes:
    # Non-blocking, and looked at after it is open: a FIFO would hang the fetch for ever.
    descriptor = os.open(path, _READ)
    try:
        # A file object that is refused, as for a directory, would not close the descriptor.
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return file.read(SIZE_LIMIT + 1)
    finally:
        os.close(descriptor)
    raise PermanentError(
        f"{what} is no regular file", hint="name a file: it may be read again later"
    )


def _first_undecodable(raw: bytes) -> int | None:
    # An error of a codec holds the whole text, so it may not be the context of ours.
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None
