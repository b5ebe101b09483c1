"""Who we are to a server: a header that is made of a token, a login, or what a plug-in gives."""

import base64
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.ports import Clock
from refresher.secretfile import secret_from_file

Stamp = tuple[int, int, int] | None
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_EARLY: Final = 30.0
"""Seconds. A token that ends sooner is renewed before it is used."""


class Identity(Protocol):
    """Gives the `Authorization` of the moment. Safe to use from several threads."""

    @property
    def source(self) -> str:
        """Where it comes from, for messages."""
        ...

    def authorization(self, refused: Secret | None = None) -> Secret | None:
        """Return the header, None for none. Another one than `refused`, if there is any.

        Raises `PermanentError` or `RetryableError` if it can't be told.
        """
        ...


class Fixed:
    """Always the same."""

    def __init__(self, source: str, header: Secret | None) -> None:
        """Take where it comes from, and the header."""
        self.source = source
        self._header = header

    def authorization(self, refused: Secret | None = None) -> Secret | None:  # noqa: ARG002 - port
        """Return the header."""
        return self._header


class TokenFile:
    """A token in a file, which is read again when the file changes, and when it was refused.

    The kubelet renews those of service accounts after four fifths of their life
    (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/).
    """

    def __init__(self, path: Path, what: str) -> None:
        """Take the file, and what names it in messages."""
        self.source = f"{what} {path}"
        self._path = path
        self._what = what
        self._read: tuple[Stamp, Secret] | None = None

    def authorization(self, refused: Secret | None = None) -> Secret:
        """Return the header. Raises `PermanentError` for a file that holds no token."""
        now = stamp(self._path)
        held = self._read
        if held is None or held[0] != now or held[1] == refused:
            held = (now, bearer(secret_from_file(self._path, self._what), self.source))
            self._read = held
        return held[1]


class Given:
    """What `ask` gives, for as long as it says: it is asked again before that, and on a refusal."""

    def __init__(
        self, source: str, ask: Callable[[], tuple[Secret, datetime | None]], clock: Clock
    ) -> None:
        """Take where it comes from, and what returns a header and its end, if it tells one."""
        self.source = source
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._held: tuple[Secret, datetime | None] | None = None

    def authorization(self, refused: Secret | None = None) -> Secret:
        """Return the header. Raises as `ask` does."""
        with self._lock:
            if self._held is None or self._held[0] == refused or self._is_over(self._held[1]):
                self._held = self._ask()
            return self._held[0]

    def _is_over(self, end: datetime | None) -> bool:
        return end is not None and (end - self._clock.now()).total_seconds() < _EARLY


def bearer(token: Secret, what: str) -> Secret:
    """Return the header that presents a token (RFC 6750, section 2.1).

    Raises `PermanentError` for text that is none, in which `what` names it.
    """
    text = token.reveal().strip()
    if not _TOKEN.fullmatch(text):
        raise PermanentError(
            f"{what} is no token: it is empty, or holds what can't be sent", hint="write it anew"
        )
    return Secret(f"Bearer {text}")


def basic(username: str, password: Secret) -> Secret:
    """Return the header that presents a login (RFC 7617)."""
    pair = f"{username}:{password.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def stamp(path: Path) -> Stamp:
    """Return what changes when a file does, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
