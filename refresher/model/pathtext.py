"""Texts that stand where the path of a file belongs, and are none.

People put a key itself into a setting or a variable that wants its path. Such a
text must be known before it is opened, looked for or named in a message.
"""

import base64
import re
from typing import Final

_LONGEST_NAME: Final = 255
"""Bytes, as on every common file system (limits.h, NAME_MAX)."""

_LONGEST_PATH: Final = 1024
"""Bytes. Linux takes 4096 (limits.h, PATH_MAX), but no secret lies that deep."""

_PEM: Final = "-----BEGIN"
_VARIABLE: Final = re.compile(r"\$\{\w+\}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+_-]{4,}")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DOCUMENT: Final = re.compile(rb'\s*(?:\{\s*["}]|-----BEGIN)')
_ENOUGH: Final = 64
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def defect(text: str) -> str:
    """Return why `text` can't be the path of a file, "" if it can.

    The answer follows the name of a setting, and holds nothing of the text.
    """
    if not text.strip():
        return "is empty: name a file"
    if _is_content(text):
        return "holds the content itself, not the path of a file"
    if _CONTROL.search(text):
        return "is no path: it holds a line break or another control character"
    return ""


def _is_content(text: str) -> bool:
    if _PEM in text or "{" in _VARIABLE.sub("", text):
        return True
    names = text.split("/")
    if _size(text) > _LONGEST_PATH or max(map(_size, names)) > _LONGEST_NAME:
        return True
    return any(_is_document(run) for run in _BASE64.findall(text))


def _size(text: str) -> int:
    # A name that is no UTF-8 arrives with surrogates.
    return len(text.encode("utf-8", "surrogatepass"))


def _is_document(run: str) -> bool:
    """Tell whether base64 decodes to the beginning of a JSON object or of a PEM file."""
    start = run[: min(len(run), _ENOUGH) // 4 * 4]
    raw = base64.b64decode(start.replace("-", "+").replace("_", "/"))
    return _DOCUMENT.match(raw.removeprefix(_BYTE_ORDER_MARK)) is not None
