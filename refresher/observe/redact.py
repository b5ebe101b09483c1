"""The redactor: the last step before anything is shown.

It knows the secrets that are alive in this process and masks them wherever they
turn up (`refresher.observe.mask`). By their looks it also masks what nobody
wrapped in a `Secret`: values under telling names, passwords in URLs,
`Authorization` headers, private keys.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from refresher.model.credential import Secret, live_secrets
from refresher.observe.mask import MASK, Mask

_DEPTH: Final = 12
_BYTES: Final = (bytes, bytearray, memoryview)
_TEXTS: Final = (str, *_BYTES)
_TELLING_NAMES: Final = (
    "accesskey",
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "token",
)
_NO_LETTER: Final = re.compile(r"[^a-z]+")
_SHAPES: Final = (
    # userinfo: RFC 3986, section 3.2.1
    re.compile(r"(://[^\s/@:]*:)[^\s/@]+(?=@)"),
    # credentials: RFC 9110, section 11.4; in a repr the value may be bytes
    re.compile(r"(?i)(authorization\W{1,5}(?:b\W)?(?:basic|bearer)\s+)[^\s\"',;]+"),
    # RFC 7468, with real or escaped line ends; the end may be cut off
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:(?:\s|\\+[rn])*[A-Za-z0-9+/=]{16,})+"),
)


class Redactor:
    """Masks secrets in text and in nested values. Safe to share between threads.

    Secrets shorter than 8 characters are not looked for: they would blank out
    ordinary words. They stay hidden by never being printed (see `Secret`).

    >>> password = Secret("correct horse battery staple")
    >>> Redactor().redact("401 for ops:correct horse battery staple")
    '401 for ops:***'
    """

    def __init__(self, live: Callable[[], Iterable[Secret]] = live_secrets) -> None:
        """Ask `live` for the secrets, anew at each use: they come and go."""
        self._live = live
        self._mask = Mask()
        # Re-entrant: a signal handler may log while its own thread is in here.
        self._lock = threading.RLock()

    def redact(self, text: str) -> str:
        """Return `text` with every secret in it replaced by `***`."""
        return _redact(text, self._current())

    def redact_tree(self, value: object) -> object:
        """Return `value` as plain dicts, lists, text, numbers, booleans and None, redacted.

        A value under a telling name (`password`, `auth`, `identitytoken`) is
        masked whatever it is. What is of any other type is shown as its `str()`.
        """
        return _redact_tree(value, self._current(), _DEPTH)

    def _current(self) -> Mask:
        # By text, not by object: a pass wraps the same token many times over.
        texts = frozenset(secret.reveal() for secret in self._live())
        mask = self._mask
        if texts != mask.spellings.keys():
            with self._lock:
                mask = self._mask = self._mask.knowing(texts)
        return mask


def _redact(text: str, mask: Mask) -> str:
    text = mask.apply(text)
    for shape in _SHAPES:
        text = shape.sub(rf"\1{MASK}", text)
    return text


def _redact_tree(value: object, mask: Mask, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _redact(str(value), mask) == str(value) else MASK
    if depth == 0:
        return MASK
    if isinstance(value, Mapping):
        return {
            _redact(_text(name), mask): MASK
            if item and _is_telling(_text(name))
            else _redact_tree(item, mask, depth - 1)
            for name, item in value.items()
        }
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, _TEXTS):
        return [_redact_tree(item, mask, depth - 1) for item in value]
    return _redact(_text(value), mask)


def _is_telling(name: str) -> bool:
    return _NO_LETTER.sub("", name.lower()).removesuffix("s").endswith(_TELLING_NAMES)


def _text(value: object) -> str:
    if isinstance(value, _BYTES):
        return bytes(value).decode("utf-8", "backslashreplace")
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value that can't be shown must not cost the line it is in
        return f"<{type(value).__name__} that can't be shown>"
