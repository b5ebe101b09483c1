"""The "auths" documents of docker and podman: look up, and merge without loss.

`merge` edits the text. What is not ours keeps every character: other entries,
unknown keys, their order, indentation and escapes. docker itself drops unknown
keys when it saves, podman unknown fields of entries. No message repeats what a document
holds but for the names of members, registries and credential helpers.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from refresher.errors import PermanentError
from refresher.model import authkeys
from refresher.model.address import DOCKER_HUB, Address, parse
from refresher.model.authdocument import AUTHS, Document, read_text
from refresher.model.authentry import TOKEN_USER, decode_entry, entry_edits, entry_text
from refresher.model.authkeys import Format
from refresher.model.authloading import document_obstacle
from refresher.model.credential import Credential
from refresher.model.jsontext import Edit, Member, Object, apply, change, style_of
from refresher.model.plan import Absent, Foreign, Value

_HOST: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/\s]*)")
_DEPTH: Final = 2


@dataclass(frozen=True, slots=True)
class Merged:
    """A document with credentials in it.

    `data` is None when the document holds them already. `refused` says for each
    registry that was left out why no client would find its entry.
    """

    data: bytes | None
    notes: tuple[str, ...]
    refused: Mapping[str, str]


def holdings(
    document: Document, registries: Iterable[str], fmt: Format
) -> dict[str, Absent | Value | Foreign]:
    """Return what a client of the document finds for each registry (canonical spelling).

    `Foreign` is an entry that no client reads. `Absent` is also what can't be used: an
    empty entry, one that doesn't decode, several of which a client takes any, and
    everything in a file that no client loads before a write has put it right: it starts
    with a byte order mark, has the layout of `.dockercfg`, or one of these very entries
    is malformed.

    Raises `MalformedError` if no client loads the file and no write would help.
    """
    reasons = {registry: obstacle(document, registry, fmt) for registry in registries}
    loaded = not (document.marked or document.legacy)
    if document_obstacle(document, fmt):
        loaded = False
        _insist_on_loading(document, [key for key, reason in reasons.items() if not reason], fmt)
    entries = document.auths.members if document.auths and loaded else ()
    found = authkeys.find(entries, reasons, fmt)
    return {
        registry: Foreign(reason) if reason else _held(found[registry], fmt)
        for registry, reason in reasons.items()
    }


def _held(entries: Iterable[Member], fmt: Format) -> Absent | Value:
    held = [decode_entry(entry.value, fmt) for entry in entries]
    first = held[0] if held else Absent()
    return first if all(_same(first, other) for other in held) else Absent()


def _same(one: Absent | Value, other: Absent | Value) -> bool:
    if isinstance(one, Value) and isinstance(other, Value):
        return (one.username, one.secret) == (other.username, other.secret)
    return one == other


def _insist_on_loading(document: Document, registries: Collection[str], fmt: Format) -> None:
    ours = _spellings(document.auths.members if document.auths else (), registries, fmt)
    theirs = document_obstacle(document, fmt, {index for there in ours.values() for index in there})
    if theirs:
        raise theirs


def obstacle(document: Document, registry: str, fmt: Format) -> str | None:
    """Return why no client would find an entry of ours for a registry, and what to do."""
    address = parse(registry)
    if address.path and fmt is Format.DOCKER:
        return (
            f"docker would use an entry for {registry} for all of {address.host}: "
            f"name {address.host} instead, or set format to podman"
        )
    winner = authkeys.shadow(address.host, fmt, document.helpers, document.store)
    if winner is None:
        return None
    setting, helper = winner
    return (
        f'{setting} is "{helper}", so clients ask docker-credential-{helper} for {registry} and '
        "read no entry here: remove that setting, or renew this registry elsewhere"
    )


def merge(document: Document, wanted: Mapping[str, Credential], fmt: Format) -> Merged:
    """Return the document with each registry's credential in it.

    Other spellings of a registry's key are collapsed into the one that the clients
    read first; `notes` say which. Registries in `refused` are left as they are, the
    others are merged.

    Raises `MalformedError` if no client would load the document afterwards.
    """
    refused = {
        registry: reason
        for registry, credential in wanted.items()
        if (reason := obstacle(document, registry, fmt) or _token_obstacle(registry, credential))
    }
    accepted = {key: value for key, value in wanted.items() if key not in refused}
    if not accepted:
        return Merged(None, (), refused)
    if document_obstacle(document, fmt):
        _insist_on_loading(document, accepted, fmt)
    ready, auths = _with_auths(document)
    edits, notes = _edits(ready, auths, accepted, fmt)
    if not edits and ready is document and not document.marked:
        return Merged(None, (), refused)
    data = apply(ready.text, edits).encode()
    return Merged(data, (*_repairs(document), *notes), refused)


def _token_obstacle(registry: str, credential: Credential) -> str | None:
    if credential.username != TOKEN_USER:
        return None
    return (
        f"the user name {TOKEN_USER} for {registry} says that the secret is an identity token, "
        "and an entry would send both as they are: set the user name that the registry expects"
    )


def _repairs(document: Document) -> Iterator[str]:
    if document.marked:
        yield "removed the byte order mark, for which clients refuse the whole file"
    if document.legacy:
        yield 'put the entries under "auths": clients no longer read the layout of .dockercfg'


def _with_auths(document: Document) -> tuple[Document, Object]:
    if document.auths is not None and not document.legacy:
        return document, document.auths
    text, root = document.text, document.root
    style = style_of(text, root)
    if document.legacy:
        entries = style.nested(text[root.start : root.end])
        text = style.object([style.member(AUTHS, entries)], 1) + text[root.end :]
    else:
        text = apply(text, _empty_auths(document))
    return _with_auths(read_text(text))


def _empty_auths(document: Document) -> list[Edit]:
    text, root = document.text, document.root
    for member in root.members:
        if member.key.casefold() == AUTHS:
            return [Edit(member.value_start, member.end, "{}")]
    added = style_of(text, root).member(AUTHS, "{}")
    return change(text, root, gone=(), added=[added], whole="")


def _edits(
    document: Document, auths: Object, wanted: Mapping[str, Credential], fmt: Format
) -> tuple[list[Edit], list[str]]:
    text, members = document.text, auths.members
    style = style_of(text, document.root)
    spellings = _spellings(members, wanted, fmt)
    edits: list[Edit] = []
    notes: list[str] = []
    added: list[str] = []
    gone: set[int] = set()
    for registry, credential in wanted.items():
        key = authkeys.key_of(registry, fmt)
        there = {index: members[index].key for index in spellings[registry]}
        if not there:
            added.append(style.member(key, entry_text(credential, style)))
            continue
        stays = next((index for index in there if there[index] == key), min(there))
        if there[stays] != key:
            edits.append(Edit(members[stays].start, members[stays].key_end, json.dumps(key)))
        edits += entry_edits(text, members[stays], credential, style)
        gone.update(there.keys() - {stays})
        if others := [spelling for spelling in there.values() if spelling != key]:
            notes.append(f"collapsed {', '.join(others)} into {key}")
    if gone or added:
        whole = style.object(added, _DEPTH)
        edits += change(text, auths, gone=gone, added=added, whole=whole)
    return edits, notes


def _spellings(
    members: Iterable[Member], registries: Iterable[str], fmt: Format
) -> dict[str, list[int]]:
    """Return for each registry the indices of the entries whose key is a spelling of it."""
    spellings: dict[str, list[int]] = {registry: [] for registry in registries}
    hosts = {registry.partition("/")[0] for registry in spellings}
    for index, member in enumerate(members):
        # Taking every key apart would cost more than all the rest.
        host = _host(member.key)
        if host in hosts or (DOCKER_HUB in hosts and host.endswith(DOCKER_HUB)):
            spelled = _canonical(member.key, fmt)
            if spelled in spellings:
                spellings[spelled].append(index)
    return spellings


def _host(key: str) -> str:
    found = _HOST.match(key)
    return found[1].lower() if found else ""


def _canonical(key: str, fmt: Format) -> str:
    try:
        address = parse(key)
    except PermanentError:
        return ""
    return "" if fmt is Format.PODMAN and _is_other_to_podman(key, address) else str(address)


def _is_other_to_podman(key: str, address: Address) -> bool:
    if "://" in key:
        # podman cuts any path off: what stands there serves the host and not the path.
        return bool(address.path)
    # And here none: a path that docker's old keys have (/v1/) is a namespace.
    return not address.path and "/" in key.strip().rstrip("/")
