"""What a Secret's `.dockerconfigjson` holds, read as the kubelet reads it.

It knows `auths` alone: credential helpers and identity tokens mean nothing to it. An entry's key
is a host, or a host and the beginning of a path; Docker Hub is `index.docker.io`. One entry that
it can't decode makes it use none.

Source: github.com/kubernetes/kubernetes, pkg/credentialprovider/config.go and keyring.go.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.address import DOCKER_HUB, canonical
from refresher.model.authentry import TOKEN_USER, encode_auth
from refresher.model.authkeys import HUB_KEY
from refresher.model.credential import Credential, Secret
from refresher.model.jsontext import fold
from refresher.model.plan import Absent, Value

_AUTHS: Final = "auths"
_FIELDS: Final = frozenset({"username", "password", "email", "auth"})
_HUB_HOST: Final = "index.docker.io"
_SCHEME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_QUERY: Final = re.compile(r"[?#]")
_API: Final = re.compile(r"^/v[12](?=/)")
_QUANTUM: Final = 4


class UnreadableError(PermanentError):
    """The kubelet would find no credential at all in a document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document and its entries by key; neither is changed. `flawed` are the undecodable ones."""

    root: Mapping[str, Any]
    entries: Mapping[str, Any]
    flawed: frozenset[str]


EMPTY: Final = Document({}, {}, frozenset())


def decoded(text: str) -> Document:
    """Return the document in a value of a Secret's `data`, which is base64.

    Raises `UnreadableError` for what is no object, or has an `auths` that is none.
    """
    # An error of a decoder holds the whole text, so it may not be the context of ours.
    root = _loaded(text)
    if not isinstance(root, dict):
        raise UnreadableError("it is no JSON object")
    entries = root.get(_auths_key(root)) or {}
    if not isinstance(entries, dict):
        raise UnreadableError("its auths is no object")
    flawed = {key for key, entry in entries.items() if _pair(entry) is None}
    return Document(root, entries, frozenset(flawed))


def holdings(document: Document, registries: Collection[str]) -> dict[str, Absent | Value]:
    """Return what a pod finds for each registry (canonical spelling).

    `Absent` is also what the kubelet can't use, and several entries that differ: it would try
    them one after the other. Raises `UnreadableError` as `merged` does.
    """
    found = {kubelet_key(key_of(registry)): registry for registry in registries}
    _insist(document, _spelled(document, registries).values())
    there: dict[str, list[Value]] = {registry: [] for registry in registries}
    for key, entry in document.entries.items():
        registry = found.get(kubelet_key(key))
        if registry is not None:
            value = _value(entry)
            there[registry] += [value] if value else []
    return {registry: _only(values) for registry, values in there.items()}


def merged(document: Document, wanted: Mapping[str, Credential]) -> Document:
    """Return the document with each registry's credential in it, and all else as it was.

    Other spellings of a registry are collapsed into the one that is written. Raises
    `UnreadableError` if an entry of somebody else keeps the kubelet from reading any, and
    `PermanentError` for a credential that the kubelet can't use.
    """
    spelled = _spelled(document, wanted)
    _insist(document, spelled.values())
    entries = dict(document.entries)
    for registry, credential in wanted.items():
        _refuse_token(registry, credential)
        key, others = key_of(registry), spelled[registry]
        for other in others - {key}:
            del entries[other]
        if not _holds(entries.get(key), credential):
            entries[key] = _entry(credential)
    if entries == document.entries:
        return document
    root = {**document.root, _auths_key(document.root): entries}
    return Document(root, entries, frozenset())


def without_flaws(document: Document) -> Document:
    """Return the document without the entries that can't be decoded."""
    entries = {key: entry for key, entry in document.entries.items() if key not in document.flawed}
    return Document({**document.root, _auths_key(document.root): entries}, entries, frozenset())


def without(document: Document, registries: Collection[str]) -> Document:
    """Return the document without the entries that `merged` makes for registries."""
    ours = set(map(key_of, registries))
    entries = {key: entry for key, entry in document.entries.items() if key not in ours}
    root = {**document.root, _auths_key(document.root): entries}
    return Document(root, entries, document.flawed - ours)


def is_empty(document: Document) -> bool:
    """Tell whether a document holds no entry, and nothing beside the entries."""
    return not document.entries and document.root.keys() <= {_auths_key(document.root)}


def encoded(document: Document) -> str:
    """Return a document as a value of a Secret's `data`."""
    text = json.dumps(document.root, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def key_of(registry: str) -> str:
    """Return the key under which a registry (canonical spelling) is written.

    The kubelet looks for images that name no registry under `index.docker.io` alone.
    """
    return HUB_KEY if registry == DOCKER_HUB else registry


def kubelet_key(key: str) -> str:
    """Return what the kubelet makes of a key: the host and the path without the API's version."""
    bare = _QUERY.split(_SCHEME.sub("", key, count=1), maxsplit=1)[0]
    host, slash, path = bare.partition("/")
    path = _API.sub("", slash + path, count=1)
    return host + ("" if path == "/" else path)


def _loaded(text: str) -> object:
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        return None


def _auths_key(root: Mapping[str, Any]) -> str:
    return next((key for key in root if fold(key) == _AUTHS), _AUTHS)


def _spelled(document: Document, registries: Collection[str]) -> dict[str, set[str]]:
    """Return the keys that are spellings of each registry."""
    spelled: dict[str, set[str]] = {registry: set() for registry in registries}
    keys = {kubelet_key(key_of(registry)): registry for registry in registries}
    for key in document.entries:
        registry = keys.get(kubelet_key(key)) or _canonical(key)
        if registry in spelled:
            spelled[registry].add(key)
    return spelled


def _canonical(key: str) -> str:
    try:
        return canonical(key)
    except PermanentError:
        return ""


def _insist(document: Document, ours: Collection[set[str]]) -> None:
    theirs = sorted(document.flawed.difference(*ours))
    if theirs:
        # A user name and a password may stand in the key.
        host = kubelet_key(theirs[0]).rpartition("@")[2]
        raise UnreadableError(
            f"its entry of {host} keeps the kubelet from reading any",
            hint="correct or remove that entry",
        )


def _holds(entry: object, credential: Credential) -> bool:
    value = _value(entry)
    if value is None or credential.email not in (None, value.email):
        return False
    return (value.username, value.secret) == (credential.username, credential.secret)


def _only(values: Collection[Value]) -> Absent | Value:
    first = next(iter(values), None)
    if first is None or any(
        (each.username, each.secret) != (first.username, first.secret) for each in values
    ):
        return Absent()
    return first


def _value(entry: object) -> Value | None:
    pair = _pair(entry)
    if pair is None or not pair[0] or not pair[1]:
        return None
    email = entry.get("email") if isinstance(entry, Mapping) else None
    return Value(pair[0], Secret(pair[1]), email or None)


def _pair(entry: object) -> tuple[str, str] | None:
    """Return the user name and the password of an entry, None for what can't be decoded."""
    if not isinstance(entry, Mapping | None):
        return None
    fields = {fold(name): text for name, text in (entry or {}).items() if text is not None}
    known = {name: text for name, text in fields.items() if name in _FIELDS}
    if not all(isinstance(text, str) for text in known.values()):
        return None
    auth = known.get("auth")
    return _decoded_auth(auth) if auth else (known.get("username", ""), known.get("password", ""))


def _decoded_auth(auth: str) -> tuple[str, str] | None:
    """Cut an `auth` at its first colon. The kubelet takes base64 without its padding, too."""
    packed = auth.replace("\n", "").replace("\r", "")
    if "=" not in packed:
        packed += "=" * (-len(packed) % _QUANTUM)
    try:
        # What is no text is no flaw to the kubelet, and no credential here.
        text = base64.b64decode(packed, validate=True).decode(errors="replace")
    except binascii.Error:
        return None
    username, colon, password = text.partition(":")
    return (username, password) if colon else None


def _entry(credential: Credential) -> dict[str, str]:
    entry = {"username": credential.username, "password": credential.secret.reveal()}
    if credential.email:
        entry["email"] = credential.email
    return entry | {"auth": encode_auth(credential.username, credential.secret)}


def _refuse_token(registry: str, credential: Credential) -> None:
    if credential.username == TOKEN_USER:
        raise PermanentError(
            f"the user name {TOKEN_USER} for {registry} says that the secret is an identity token, "
            "which the kubelet does not know",
            hint="set the user name that the registry expects",
        )
