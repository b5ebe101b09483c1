"""What a token server answers.

https://distribution.github.io/distribution/spec/auth/token/: `token` or
`access_token`, either will do, and `expires_in` seconds, by default 60.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Final

from refresher.model.credential import Secret

_DEFAULT_LIFE: Final = 60.0
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
"""What fits into a header."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, and for how many seconds it is good."""

    token: Secret
    expires_in: float = _DEFAULT_LIFE


@dataclass(frozen=True, slots=True)
class NotGranted:
    """No token came. `refused` tells that the credential is why.

    Quay answers a bad one with an empty token.
    """

    reason: str
    refused: bool = False


def read(body: bytes) -> Granted | NotGranted:
    """Return the token in an answer with status 200."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return NotGranted("answers with something that is no JSON object")
    given = [fields[name] for name in ("token", "access_token") if fields.get(name) is not None]
    text = next((value for value in given if value != ""), None)
    if text is None:
        return NotGranted("answers with no token", refused=bool(given))
    if not isinstance(text, str) or not _SENDABLE.fullmatch(text):
        return NotGranted("answers with something that is no token")
    return Granted(Secret(text), _life(fields.get("expires_in")))


def _life(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _DEFAULT_LIFE
    try:
        life = float(value)
    except OverflowError:
        return _DEFAULT_LIFE
    return life if math.isfinite(life) and life > 0 else _DEFAULT_LIFE
