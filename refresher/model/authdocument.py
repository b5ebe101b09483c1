"""What an "auths" document holds: its entries, and what decides whether they are read.

Names at the top are read without regard to case, as the clients do (Go's
encoding/json). The layout of `.dockercfg`, without "auths", is recognised: no client reads
it here any more, but what is in it must not be lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from refresher.model.jsontext import (
    MalformedError,
    Member,
    Object,
    fold,
    read_document,
    read_object,
)

AUTHS: Final = "auths"
"""The name of the object of entries."""

_HELPERS: Final = "credhelpers"
_STORE: Final = "credsstore"
_NEW: Final = '{\n\t"auths": {}\n}'
_BYTE_ORDER_MARK: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Document:
    """An "auths" document as text, and where its parts stand in it.

    It may hold more that a client can't load; see `refresher.model.authloading`.

    `auths` are the entries, None if there is no such object. `helpers` and `store` are
    `credHelpers` and `credsStore`, where `""` stands for null, and a store that is no
    text. `marked` says that the file starts with a byte order mark (the text does not),
    `legacy` that the entries stand at the top.
    """

    text: str
    root: Object
    auths: Object | None
    helpers: Mapping[str, str]
    store: str
    marked: bool = False
    legacy: bool = False


def read(data: bytes) -> Document:
    """Return the document in the bytes of a file. An empty file is an empty document.

    Raises `MalformedError` for what can't be changed safely, or what no client can read: bytes
    that are no UTF-8, text that is no JSON, keys that are there twice, parts of a wrong type.
    """
    text = _decoded(data)
    marked = text.startswith(_BYTE_ORDER_MARK)
    return read_text(text.removeprefix(_BYTE_ORDER_MARK), marked=marked)


def read_text(text: str, *, marked: bool = False) -> Document:
    """Return the document in a text; see `read`."""
    root = read_document(text, opened=(AUTHS,))
    if root is None or not root.members:
        text = _new_like(text)
        root = read_object(text, 0, opened=(AUTHS,))
    known = _known(text, root)
    legacy = not known and all(_is_legacy_entry(member) for member in root.members)
    document = Document(
        text=text,
        root=root,
        auths=root if legacy else _auths(text, known.get(AUTHS)),
        helpers=_helpers(text, known.get(_HELPERS)),
        store=_store(known.get(_STORE)),
        marked=marked,
        legacy=legacy,
    )
    _check_entries(document)
    return document


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        what = "UTF-16 and not UTF-8" if data.startswith(_UTF_16) else "not UTF-8"
        raise MalformedError(f"the document is {what}", before, len(before)) from None


def _new_like(text: str) -> str:
    # Of a document without members there is nothing else whose style could be kept.
    newline = "\r\n" if "\r\n" in text else "\n"
    return _NEW.replace("\n", newline) + (newline if text.endswith("\n") else "")


def _known(text: str, root: Object) -> dict[str, Member]:
    known: dict[str, Member] = {}
    for member in root.members:
        name = fold(member.key)
        if name in known:
            message = f"{name} is there twice: clients don't tell upper from lower case in it"
            raise MalformedError(message, text, member.start)
        if name in (AUTHS, _HELPERS, _STORE):
            known[name] = member
    return known


def _is_legacy_entry(member: Member) -> bool:
    # A host is told from a setting, such as HttpHeaders, by what only hosts have.
    host = any(mark in member.key for mark in ".:/") or member.key == "localhost"
    return host and isinstance(member.value, dict) and isinstance(member.value.get("auth"), str)


def _auths(text: str, member: Member | None) -> Object | None:
    if member is None or member.value is None:
        return None
    if not isinstance(member.value, Object):
        raise MalformedError("auths is no object", text, member.value_start)
    return member.value


def _helpers(text: str, member: Member | None) -> dict[str, str]:
    if member is None or member.value is None:
        return {}
    helpers = member.value
    if not isinstance(helpers, dict) or not all(
        isinstance(helper, str | None) for helper in helpers.values()
    ):
        raise MalformedError("credHelpers is no object of texts", text, member.value_start)
    return {host: helper or "" for host, helper in helpers.items()}


def _store(member: Member | None) -> str:
    return member.value if member and isinstance(member.value, str) else ""


def _check_entries(document: Document) -> None:
    # One such entry makes the clients refuse the whole file (Go's encoding/json).
    for entry in document.auths.members if document.auths else ():
        if not isinstance(entry.value, dict | None):
            raise MalformedError("an entry of auths is no object", document.text, entry.value_start)
