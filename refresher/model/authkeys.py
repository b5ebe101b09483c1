"""How the clients of an "auths" document spell its keys, and how they find an entry.

| | docker | podman |
|---|---|---|
| Docker Hub | `https://index.docker.io/v1/` | `docker.io` |
| `host/path` | served for the whole host | served for that path |
| `credHelpers` | asked by key; an empty one means the file | asked by host, whatever it says |
| `credsStore` | asked for every key without a helper | not known |

Sources: github.com/docker/cli, cli/config/configfile/file.go and
cli/config/credentials/file_store.go; github.com/containers/image,
pkg/docker/config/config.go.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from refresher.model.address import DOCKER_HUB
from refresher.model.jsontext import Member

HUB_KEY: Final = "https://index.docker.io/v1/"
"""How docker spells Docker Hub: exactly so, with the slash."""

_HUB_INDEX: Final = "index.docker.io"
_URL: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?(?:\[([^]/]+)]|([^/?#]+?))(?::(\d*))?(?:[/?#]|$)"
)
_PODMAN_HUB: Final = frozenset({DOCKER_HUB, "registry-1.docker.io"})


class Format(StrEnum):
    """Whose document it is."""

    DOCKER = "docker"
    """docker's `config.json`; the kubelet reads the same."""
    PODMAN = "podman"
    """The `auth.json` of podman, buildah, skopeo and cri-o."""


def key_of(registry: str, fmt: Format) -> str:
    """Return the key under which the clients look for a registry (canonical spelling) first."""
    return HUB_KEY if fmt is Format.DOCKER and registry == DOCKER_HUB else registry


def shadow(
    host: str, fmt: Format, helpers: Mapping[str, str], store: str
) -> tuple[str, str] | None:
    """Return the setting that wins over the entry of a host, and the credential helper it names.

    `helpers` is `credHelpers`, `store` is `credsStore`. None if the entry is read.
    """
    if fmt is Format.PODMAN:
        helper = helpers.get(host)
        return None if helper is None else (f'credHelpers["{host}"]', helper)
    key = key_of(host, fmt)
    if key in helpers:
        return (f'credHelpers["{key}"]', helpers[key]) if helpers[key] else None
    return ("credsStore", store) if store else None


def find(
    entries: Sequence[Member], queries: Iterable[str], fmt: Format
) -> dict[str, tuple[Member, ...]]:
    """Return the entries that a client could use for each query (a registry or `host/path`).

    One under the very key that the client looks for is the only one. Without it they
    are all whose key the client reads as the host: it goes through them in no order
    (they are in a map of Go), so that any may be used, another one each time.
    """
    exact = {entry.key: entry for entry in entries}
    found = {query: _first(exact, _keys_tried(query, fmt)) for query in queries}
    missing = [query for query, there in found.items() if not there]
    if missing:
        read_host = docker_host if fmt is Format.DOCKER else podman_host
        by_host: dict[str, list[Member]] = {_host_asked(query, fmt): [] for query in missing}
        for entry in entries:
            if (host := read_host(entry.key)) in by_host:
                by_host[host].append(entry)
        for query in missing:
            found[query] = tuple(by_host[_host_asked(query, fmt)])
    return found


def _first(exact: Mapping[str, Member], keys: Iterable[str]) -> tuple[Member, ...]:
    return next(((exact[key],) for key in keys if key in exact), ())


def _keys_tried(query: str, fmt: Format) -> Iterator[str]:
    if fmt is Format.DOCKER:
        yield key_of(query, fmt)
        return
    while "/" in query:
        yield query
        query = query.rpartition("/")[0]
    yield query


def _host_asked(query: str, fmt: Format) -> str:
    return key_of(query, fmt) if fmt is Format.DOCKER else _podman_host(query.partition("/")[0])


def docker_host(key: str) -> str:
    """Return the host that docker reads from a key (its `ConvertToHostname`)."""
    url = _URL.match(key)
    if url is None:
        return key.partition("/")[0]
    bracketed, plain, port = url.groups()
    host = bracketed or plain
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def podman_host(key: str) -> str:
    """Return the host that podman reads from a key; a path counts without a scheme only."""
    bare = key.removeprefix("http://").removeprefix("https://")
    return _podman_host(bare if bare == key else bare.partition("/")[0])


def _podman_host(host: str) -> str:
    return _HUB_INDEX if host in _PODMAN_HUB else host
