"""The file with the keys that the secrets of a store are sealed with.

One key a line, 32 random bytes as base64 or as 64 hexadecimal digits, as these
commands write one. The first seals, all open: a new key goes above the old one.

    openssl rand -base64 32
    openssl rand -hex 32

Empty lines are skipped, and so are lines that begin with `#`.
"""

import base64
import hashlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.secretfile import read_bytes

SETTING: Final = "store_key_file"
"""What names the file in the settings."""

VARIABLE: Final = "REFRESHER_STORE_KEY_FILE"
"""The environment variable that names it where no settings do."""

_BYTES: Final = 32
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{43}=?")
_COMMENT: Final = "#"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HINT: Final = "write a line that openssl rand -base64 32 makes"
_ID_OF: Final = b"refresher store key "


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its line has it. `id` tells it from others, and nothing about it."""

    id: str
    text: Secret

    def raw(self) -> bytes:
        """Return the 32 bytes. Call it only where they are used."""
        return _decoded(self.text.reveal())


class KeyFile:
    """The keys in the file at `path`, read anew for each use, so that a new one counts at once."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self.path = path
        self._known: tuple[bytes, tuple[Key, ...]] = (b"", ())

    def __repr__(self) -> str:
        """Return the type and the path."""
        return f"{type(self).__name__}({str(self.path)!r})"

    def read(self) -> tuple[Key, ...]:
        """Return the keys, the one that seals first.

        Raises `PermanentError`, naming the setting, if the file can't be read, holds
        no key or a line that is none. A line is never repeated.
        """
        # Read each time: what a file system tells of a file need not change with its content.
        raw = read_bytes(self.path, SETTING)
        digest, keys = self._known
        found = hashlib.sha256(raw).digest()
        if found != digest:
            keys = parse(raw, self.path)
            self._known = (found, keys)
        return keys

    def validate(self) -> None:
        """Raise `PermanentError` as `read` does."""
        self.read()

    def exposure(self) -> str:
        """Return why others can get at the keys by the mode of the file, "" if they can't."""
        try:
            status = self.path.stat()
        except OSError:
            return ""
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISREG(status.st_mode) or not mode & (stat.S_IRWXO | stat.S_IWGRP):
            return ""
        return f"{SETTING} {self.path} is open to others (mode {mode:04o})"


def parse(raw: bytes, path: Path) -> tuple[Key, ...]:
    """Return the keys in the bytes of a key file, each once, in order.

    Raises `PermanentError`, which names the line, for what is no key, and if there is none.
    """
    keys = {key.id: key for key in _lines(raw.removeprefix(_BYTE_ORDER_MARK), path)}
    if not keys:
        raise PermanentError(f"{SETTING} {path} holds no key", hint=_HINT)
    return tuple(keys.values())


def _lines(raw: bytes, path: Path) -> Iterator[Key]:
    # Latin-1 takes any byte: an error of a codec would hold the keys.
    for number, line in enumerate(raw.decode("latin-1").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(_COMMENT):
            continue
        key = _decoded(text)
        if len(key) != _BYTES:
            raise PermanentError(
                f"{SETTING} {path} holds no key on line {number}: "
                "a key is 32 bytes in base64, or 64 hexadecimal digits",
                hint=_HINT,
            )
        yield Key(hashlib.sha256(_ID_OF + key).hexdigest()[:8], Secret(text))


def _decoded(text: str) -> bytes:
    """Return the bytes of a key, none for a text that is no key."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        return b""
    plain = text.removesuffix("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(f"{plain}=", validate=True)
