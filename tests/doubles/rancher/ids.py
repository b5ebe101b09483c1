"""Public ids: a prefix for the type and the number of the row, as in 1a5, 1sp8 and 1c7."""

import re
from typing import Final

from tests.doubles.rancher.kinds import Kind

_LETTERS: Final = re.compile(r"^[a-z]*")


def shown(kind: Kind, number: int) -> str:
    """Return the public id of a row."""
    return f"{kind.prefix}{number}"


def parsed(text: str) -> str | None:
    """Return what Cattle's TypeIdFormatter makes of an id: the prefix goes, unchecked."""
    if text[:1].isalpha():
        return text
    if not text.startswith("1") or not text[1:2].isalpha():
        return None
    return _LETTERS.sub("", text[1:]).removeprefix("!")


def number(text: str) -> int | None:
    """Return the row that an id addresses, whatever type its prefix names."""
    digits = parsed(text) or ""
    return int(digits) if digits.isascii() and digits.isdigit() else None
