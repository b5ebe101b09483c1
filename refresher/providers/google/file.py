"""Google's credential files: from bytes, as people deliver them, to fields.

Service-account keys are pasted into forms, piped through shells and base64,
and saved by editors. What can be understood without a guess is repaired and
told as a notice; everything else is refused with the name of its defect.
Nothing of a file's values appears in a message.
"""

import base64
import binascii
import codecs
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NoReturn

from refresher.errors import PermanentError

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\Z")
_PLAIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_RAW_CONTROL: Final = "Invalid control character"
_NO_NUMBER: Final = "holds a number that JSON does not have"
_AGAIN: Final = "download the file again, or create a new key, and store it unchanged"


class Kind(StrEnum):
    """What a credential file is, by its `type`."""

    SERVICE_ACCOUNT = "service_account"
    AUTHORIZED_USER = "authorized_user"
    EXTERNAL = "external_account"
    EXTERNAL_USER = "external_account_authorized_user"
    IMPERSONATED = "impersonated_service_account"
    GDCH = "gdch_service_account"
    OAUTH_CLIENT = "oauth_client"
    """The console's OAuth client files have no `type`; they are known by their only field."""
    UNTYPED = ""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """The fields of a credential file in their order, and what was repaired to read them."""

    what: str
    fields: Mapping[str, object] = field(repr=False)
    notices: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Return what the file is."""
        kind = self.fields.get("type")
        if not kind and ("installed" in self.fields or "web" in self.fields):
            return Kind.OAUTH_CLIENT
        try:
            return Kind(str(kind or ""))
        except ValueError:
            return Kind.UNKNOWN

    def text(self, name: str) -> str:
        """Return a field that must hold text, unchanged.

        Raises `PermanentError` if it is missing, empty or no text.
        """
        value = self.fields.get(name)
        if name not in self.fields:
            raise PermanentError(f"{self.what} has no {name}", hint=_AGAIN)
        if not isinstance(value, str):
            raise PermanentError(f"{self.what} has a {name} that is no text", hint=_AGAIN)
        if not value.strip():
            raise PermanentError(f"{self.what} has an empty {name}", hint=_AGAIN)
        return value


def parse(raw: bytes, what: str) -> CredentialFile:
    """Return the fields of a credential file, given as JSON or as base64 of JSON.

    `what` names the file in messages. Raises `PermanentError` for bytes that
    are no JSON object.
    """
    text, notices = _decode(raw, what)
    if not text.lstrip().startswith(("{", "[", '"')):
        text, more = _decode(_from_base64(text, what), what)
        notices += more
    fields, repaired = _load(text, what)
    if repaired:
        notices += (
            f"{what} had raw line breaks or tabs inside its values; it was read nevertheless",
        )
    return CredentialFile(what, fields, notices)


def _decode(raw: bytes, what: str) -> tuple[str, tuple[str, ...]]:
    if raw.startswith(_UTF_16):
        return _text(raw, "utf-16", what), (f"{what} is UTF-16; it was read nevertheless",)
    return _text(raw, "utf-8-sig", what), ()


def _text(raw: bytes, encoding: str, what: str) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        position = error.start
    else:
        if "\0" not in text:
            return text
        position = text.index("\0")
    raise PermanentError(
        f"{what} is no text at byte {position}",
        hint="give Google's JSON key, saved as UTF-8; a .p12 key can't be used",
    )


def _from_base64(text: str, what: str) -> bytes:
    if not text.strip():
        raise PermanentError(f"{what} is empty", hint=_AGAIN)
    if text.lstrip().startswith("-----BEGIN"):
        raise PermanentError(
            f"{what} holds a private key alone", hint="give the whole JSON file that Google made"
        )
    packed = "".join(text.split())
    if not _BASE64.match(packed):
        raise PermanentError(
            f"{what} is neither JSON nor base64 of JSON",
            hint="a Google key starts with '{'; give the file itself, not a path or its name",
        )
    packed = packed.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4))
    except binascii.Error:
        raw = b""
    if raw.lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:1] != b"{" and not raw.startswith(_UTF_16):
        raise PermanentError(
            f"{what} is neither JSON nor base64 of JSON: it may be cut off",
            hint="encode the whole file once, for example with base64 -w0",
        )
    return raw


def _load(text: str, what: str) -> tuple[dict[str, object], bool]:
    """Return the object, and whether raw control characters had to be allowed."""
    loaded = _try_json(text, what, strict=True)
    raw = isinstance(loaded, json.JSONDecodeError) and loaded.msg.startswith(_RAW_CONTROL)
    if raw:
        loaded = _try_json(text, what, strict=False)
    if isinstance(loaded, json.JSONDecodeError):
        return _refuse_syntax(text, what, loaded)
    return _object(loaded, what), raw


def _try_json(text: str, what: str, *, strict: bool) -> object:
    """Return what is loaded, or the error: it holds the whole text, so it must not travel."""
    try:
        return json.loads(
            text,
            strict=strict,
            object_pairs_hook=lambda pairs: _without_twins(pairs, what),
            parse_float=lambda digits: _finite(digits, what),
            parse_constant=lambda _: _refuse(what, _NO_NUMBER),
        )
    except json.JSONDecodeError as error:
        return error
    except (ValueError, RecursionError):
        defect = "is no JSON that can be read: a number or its nesting has no end"
    return _refuse(what, defect)


def _object(loaded: object, what: str) -> dict[str, object]:
    if isinstance(loaded, dict):
        return loaded
    if isinstance(loaded, str):
        return _refuse(what, "is a JSON text that holds the key as text: it was encoded twice")
    return _refuse(what, "is a JSON list, no object")


def _without_twins(pairs: list[tuple[str, object]], what: str) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            shown = name if _PLAIN_NAME.match(name) else "a field"
            _refuse(what, f"has {shown} more than once")
        fields[name] = value
    return fields


def _finite(digits: str, what: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse(what, _NO_NUMBER)
    return number


def _refuse_syntax(text: str, what: str, error: json.JSONDecodeError) -> NoReturn:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        _refuse(what, "ends in the middle: it is cut off, or still being written")
    if error.msg == "Extra data":
        _refuse(what, f"goes on after the end of the JSON object, in line {error.lineno}")
    _refuse(what, f"is no valid JSON in line {error.lineno}, at character {error.pos}")


def _refuse(what: str, defect: str) -> NoReturn:
    raise PermanentError(f"{what} {defect}", hint=_AGAIN)
