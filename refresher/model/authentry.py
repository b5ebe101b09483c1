"""One entry of an "auths" document: a user name and a secret, and what else stands with them.

Sources: github.com/docker/cli, cli/config/configfile/file.go (`decodeAuth`, `encodeAuth`) and
cli/config/types/authconfig.go; github.com/containers/image, pkg/docker/config/config.go.
"""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.authkeys import Format
from refresher.model.credential import Credential, Secret
from refresher.model.jsontext import Edit, Member, Style, change, fold, read_object
from refresher.model.plan import Absent, Value

TOKEN_USER: Final = "<token>"  # noqa: S105 - a marker, not a secret
"""The user name that says that the secret is a token, as in docker's credential helpers."""

TEXTS: Final[Mapping[Format, frozenset[str]]] = MappingProxyType(
    {
        # The e-mail is known to docker up to version 28, and to the kubelet.
        Format.DOCKER: frozenset(
            {
                "auth",
                "email",
                "identitytoken",
                "password",
                "registrytoken",
                "serveraddress",
                "username",
            }
        ),
        Format.PODMAN: frozenset({"auth", "identitytoken"}),
    }
)
"""The fields of an entry that the clients know, folded. All of them are texts."""

_TOKENS: Final = ("identitytoken", "registrytoken")
_QUANTUM: Final = 4
_DEPTH: Final = 3


def encode_auth(username: str, secret: Secret) -> str:
    """Return the `auth` of an entry: standard base64 of `username:secret` in UTF-8.

    Raises `PermanentError` for a user name that is empty or holds a colon: the clients
    cut at the first one.
    """
    if not username or ":" in username:
        raise PermanentError(
            "the user name of an entry is empty or contains a colon",
            hint="clients take what stands before the first colon for the user name",
        )
    return base64.b64encode(f"{username}:{secret.reveal()}".encode()).decode()


def decode_auth(auth: str) -> tuple[str, Secret] | None:
    """Return the user name and the secret in an `auth`, None where docker refuses it.

    Strict base64 with its padding; line breaks are skipped; cut at the first colon.
    What is no UTF-8 is None too: it can't be a credential here.
    """
    try:
        text = _unpacked(auth).decode()
    except ValueError:
        return None
    username, colon, secret = text.partition(":")
    return (username, Secret(secret.strip("\0"))) if username and colon else None


def is_decodable(auth: str) -> bool:
    """Tell whether docker would load an entry with this `auth`, whatever its bytes mean."""
    try:
        return _unpacked(auth).find(b":") > 0
    except ValueError:
        return False


def _unpacked(auth: str) -> bytes:
    packed = auth.replace("\r", "").replace("\n", "")
    if len(packed) % _QUANTUM:
        # The decoder would skip padding that is too much.
        raise ValueError("is no base64")
    return base64.b64decode(packed, validate=True)


def decode_entry(entry: object, fmt: Format) -> Absent | Value:
    """Return what a client reads from the value of an entry.

    A token in it wins over the password there, so it is what is held. podman
    reads `auth` and `identitytoken` alone, and that only next to an `auth`. What doesn't
    decode is `Absent`: a client can't use it, so it may be replaced.
    """
    if not isinstance(entry, Mapping):
        return Absent()
    fields = {fold(name): text for name, text in entry.items() if isinstance(text, str)}
    email = fields.get("email") or None
    pair = decode_auth(fields["auth"]) if fields.get("auth") else _plain(fields, fmt)
    tokens = (fields[name] for name in _TOKENS if name in TEXTS[fmt] and fields.get(name))
    token = next(tokens, None)
    if token and (pair or fmt is Format.DOCKER):
        return Value(TOKEN_USER, Secret(token), email)
    return Value(*pair, email) if pair else Absent()


def _plain(fields: Mapping[str, str], fmt: Format) -> tuple[str, Secret] | None:
    username = fields.get("username")
    if fmt is Format.PODMAN or not username:
        return None
    return username, Secret(fields.get("password", ""))


def entry_text(credential: Credential, style: Style) -> str:
    """Return a new entry as JSON text, laid out for its place in the document."""
    members = [style.member(name, json.dumps(text)) for name, text in _fields(credential).items()]
    return style.object(members, _DEPTH)


def entry_edits(text: str, entry: Member, credential: Credential, style: Style) -> list[Edit]:
    """Return the edits that put `credential` into an entry of ours; none if it is there.

    Tokens, and a user name or a password that say something else, are taken out: some
    clients would prefer them. So are fields that should be texts and are not: for one of
    those a client refuses the whole file. Other fields stay.
    """
    if not text.startswith("{", entry.value_start):
        return [Edit(entry.value_start, entry.end, entry_text(credential, style))]
    found = read_object(text, entry.value_start)
    wanted = _fields(credential)
    edits = [
        Edit(field.value_start, field.end, json.dumps(wanted[field.key]))
        for field in found.members
        if field.key in wanted and field.value != wanted[field.key]
    ]
    there = {field.key for field in found.members}
    added = [
        style.member(name, json.dumps(text)) for name, text in wanted.items() if name not in there
    ]
    gone = {i for i, field in enumerate(found.members) if _is_stale(field, credential, wanted)}
    if gone or added:
        whole = style.object(added, _DEPTH)
        edits += change(text, found, gone=gone, added=added, whole=whole)
    return edits


def _fields(credential: Credential) -> dict[str, str]:
    fields = {"auth": encode_auth(credential.username, credential.secret)}
    if credential.email:
        fields["email"] = credential.email
    return fields


def _is_stale(field: Member, credential: Credential, wanted: Mapping[str, Any]) -> bool:
    name = fold(field.key)
    if name in wanted:
        # The same name in other letters: which of the two a client takes is open.
        return field.key not in wanted
    if name in TEXTS[Format.DOCKER] and not isinstance(field.value, str | None):
        return True
    if name in _TOKENS:
        return bool(field.value)
    current = {"username": credential.username, "password": credential.secret.reveal()}
    return name in current and field.value != current[name]
