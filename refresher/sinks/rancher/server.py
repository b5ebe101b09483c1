"""Where a server is: its URL, in every form in which people and containers are given it."""

import re
from dataclasses import dataclass, replace
from typing import Final

from refresher.net import url
from refresher.net.url import Url

API: Final = "/v2-beta"
"""The path of the API that is spoken here; `/v1` has the same data, and lacks newer fields."""

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PATH: Final = re.compile(
    r"/*(?:(?:v1|v2-beta)(?:/+projects(?:/+(?P<scope>1a[0-9]+))?)?(?:/+schemas?)?/*"
    r"|env/+(?P<shown>1a[0-9]+)(?:/.*)?)?",  # what a browser shows
    re.IGNORECASE,
)
_RANCHER_2: Final = re.compile(r"/+(?:v3|k8s|dashboard)(?:[/?].*)?", re.IGNORECASE)
_HTTP_PORTS: Final = frozenset({80, 8080})
_LOOPBACK: Final = re.compile(r"localhost|127\..*|\[::1\]")


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and the id of the environment that its URL names, or an empty text."""

    origin: Url
    environment: str = ""

    def __str__(self) -> str:
        """Return the URL of the API, without an environment."""
        return f"{self.origin.scheme}://{self.host}{API}"

    @property
    def host(self) -> str:
        """The host, with its port if that is not the one of the scheme."""
        return self.origin.authority

    @property
    def in_clear_text(self) -> bool:
        """Whether keys and secrets would cross a network without TLS."""
        return self.origin.scheme == "http" and not _LOOPBACK.fullmatch(self.origin.host)


def parse(text: str) -> Server:
    """Return the server that `text` names.

    Taken are the origin alone, `/v1` or `/v2-beta` with or without
    `/projects/1a5` and `/schemas`, and what a browser shows (`/env/1a5/...`).
    Without a scheme it is HTTPS, but HTTP at Rancher's own port 8080, at port 80
    and on this host.

    Raises `ValueError`, whose text follows the name of the setting and repeats nothing.
    """
    text = text.strip()
    if "@" in text:
        raise ValueError("holds a user name or a password: the keys have settings of their own")
    named = url.parse(text if _SCHEME.match(text) else f"https://{text}")
    if named is None:
        raise ValueError("is no URL: write it like http://rancher.example:8080/v2-beta")
    if _RANCHER_2.fullmatch(named.rest):
        raise ValueError(
            "is one of Rancher 2, which keeps credentials in Kubernetes secrets: write them with a "
            "kubernetes sink, to a secret of type kubernetes.io/dockerconfigjson"
        )
    path = _PATH.fullmatch(named.rest)
    if path is None:
        raise ValueError(
            "has a path that is none of Rancher 1's API: end it with /v2-beta, "
            "or with /v2-beta/projects/ and the id of an environment"
        )
    if not _SCHEME.match(text):
        named = _guessed(named, text)
    environment = (path["scope"] or path["shown"] or "").lower()
    return Server(replace(named, rest="/"), environment)


def _guessed(named: Url, text: str) -> Url:
    """Return the URL with the scheme that a server at its port most likely speaks."""
    if named.port not in _HTTP_PORTS and not _LOOPBACK.fullmatch(named.host):
        return named
    plain = url.parse(f"http://{text}")
    return named if plain is None else plain
