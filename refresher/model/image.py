"""Image references, read as `docker run` reads them.

The grammar and the rules are those of github.com/distribution/reference
(reference.go, regexp.go, normalize.go), which docker, podman, containerd and
the kubelet share:

| text | domain | path | tag |
|---|---|---|---|
| `ubuntu` | `docker.io` | `library/ubuntu` | |
| `acme/app:1` | `docker.io` | `acme/app` | `1` |
| `localhost:5000` | `docker.io` | `library/localhost` | `5000` |
| `localhost:5000/app` | `localhost:5000` | `app` | |
| `index.docker.io/app` | `docker.io` | `library/app` | |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Self

from refresher.errors import PermanentError
from refresher.model.address import DOCKER_HUB, MAX_REPOSITORY, REPOSITORY, canonical

_LEGACY_HUB: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_DEFAULT_TAG: Final = "latest"
_MAX_LENGTH: Final = 4096
_DIGITS: Final[Mapping[str, int]] = MappingProxyType({"sha256": 64, "sha384": 96, "sha512": 128})

_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REFERENCE: Final = re.compile(
    rf"(?:(?P<domain>(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?)/)?"
    rf"(?P<path>{REPOSITORY})"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_ID: Final = re.compile(r"[0-9a-f]{64}")
_DIGEST: Final = re.compile(
    "|".join(rf"{algorithm}:[0-9a-f]{{{digits}}}" for algorithm, digits in _DIGITS.items())
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image's name taken apart.

    `domain` is a host with its port as it was written, `path` the repository
    there. Either is ``""`` where the text has none: see the class methods.
    """

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str, *, default: str = DOCKER_HUB) -> Self:
        """Read `text`, adding what a short name leaves out.

        `default` is the registry of images that name none. Official images get
        their `library/`, on Docker Hub only.

        Raises `PermanentError` that says which rule the text breaks.
        """
        if _ID.fullmatch(text):
            raise _refusal(text, "64 hexadecimal digits are an image ID, not a name")
        if not text:
            raise _refusal(text, "it is empty")
        domain, rest = _split(text, default)
        if (repository := rest.partition(":")[0]) != repository.lower():
            raise _refusal(text, "the repository name must be lower case")
        return cls._match(f"{domain}/{rest}", text)

    @classmethod
    def parse_exact(cls, text: str) -> Self:
        """Read `text` by the grammar alone, adding nothing.

        Anything before the first slash that could be a host is the domain:
        `acme/app` has the domain `acme` here, and Docker Hub's for `parse`.

        Raises `PermanentError` that says which rule the text breaks.
        """
        if not text:
            raise _refusal(text, "it is empty")
        return cls._match(text, text)

    @classmethod
    def parse_any(cls, text: str) -> Self:
        """Read `text` as `parse` does, or as the ID of a local image.

        An ID is 64 hexadecimal digits or a whole digest. It names no registry: its
        reference has a digest and nothing else.

        Raises `PermanentError` that says which rule the text breaks.
        """
        if _ID.fullmatch(text):
            return cls("", "", digest=f"sha256:{text}")
        if _DIGEST.fullmatch(text):
            return cls("", "", digest=text)
        return cls.parse(text)

    @property
    def name(self) -> str:
        """The domain and the path, without tag and digest."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    @property
    def familiar(self) -> str:
        """The name as docker shows it: without Docker Hub's domain and `library/`."""
        if self.domain != DOCKER_HUB:
            return self.name
        short = self.path.removeprefix(_OFFICIAL)
        return self.path if "/" in short else short

    @property
    def canonical(self) -> str:
        """The whole reference, as every tool reads it alike."""
        tag = f":{self.tag}" if self.tag else ""
        separator = "@" if self.digest and self.name else ""
        return f"{self.name}{tag}{separator}{self.digest or ''}"

    @property
    def registry(self) -> str | None:
        """The address to look a credential up by, in canonical form; None if the text names none.

        Raises `PermanentError` for a domain that the grammar allows and that is no
        address, such as one with port 99999.
        """
        return canonical(self.domain) if self.domain else None

    def __str__(self) -> str:
        """Return the canonical form."""
        return self.canonical

    def pulled(self) -> Self:
        """Return what a client asks the registry for: the digest, else the tag, else `latest`."""
        if self.digest:
            return replace(self, tag=None)
        return replace(self, tag=self.tag or _DEFAULT_TAG)

    @classmethod
    def _match(cls, full: str, text: str) -> Self:
        # The expression never reads a character more than a few times; the limit
        # keeps what is stored and shown in bounds.
        if len(full) > _MAX_LENGTH:
            raise _refusal(text, f"it is longer than {_MAX_LENGTH} characters")
        found = _REFERENCE.fullmatch(full)
        if found is None:
            raise _refusal(text, _why_not(full))
        if len(found["path"]) > MAX_REPOSITORY:
            raise _refusal(text, f"the repository name is longer than {MAX_REPOSITORY} characters")
        if problem := _digest_problem(found["digest"]):
            raise _refusal(text, problem)
        return cls(found["domain"] or "", found["path"], found["tag"], found["digest"])


def named_registry(text: str) -> str:
    """Return the registry that an image's name begins with, as it stands there, ``""`` if none.

    A text without a slash is a repository, whatever it holds.
    """
    first, slash, _ = text.partition("/")
    return first if slash and _names_registry(first) else ""


def _split(text: str, default: str) -> tuple[str, str]:
    """Return the domain and the rest."""
    first = named_registry(text)
    rest = text[len(first) + 1 :] if first else text
    first = first or default
    domain = DOCKER_HUB if first == _LEGACY_HUB else first
    if domain == DOCKER_HUB and "/" not in rest:
        rest = _OFFICIAL + rest
    return domain, rest


def _names_registry(segment: str) -> bool:
    return segment == "localhost" or "." in segment or ":" in segment or segment != segment.lower()


def _why_not(full: str) -> str:
    if full != full.lower() and _REFERENCE.fullmatch(full.lower()):
        return "the repository name must be lower case"
    if "://" in full:
        return "it has a scheme, and needs none"
    return "it is not of the form [registry/]repository[:tag][@digest]"


def _digest_problem(digest: str | None) -> str:
    if digest is None or _DIGEST.fullmatch(digest):
        return ""
    algorithm, _, encoded = digest.partition(":")
    if algorithm != algorithm.lower():
        return "the digest is malformed: its algorithm must be lower case"
    if algorithm not in _DIGITS:
        known = ", ".join(_DIGITS)
        return f"the digest's algorithm {_shown(algorithm)} is not supported, only {known} are"
    if len(encoded) != _DIGITS[algorithm]:
        return f"the digest has {len(encoded)} digits, {algorithm} has {_DIGITS[algorithm]}"
    return "the digest is malformed: its hexadecimal digits must be lower case"


def _refusal(text: str, rule: str) -> PermanentError:
    # What stands before '@' may be a password that somebody wrote into the name.
    _, at, rest = text.rpartition("@")
    shown = f"...@{rest}" if at else text
    return PermanentError(
        f"{_shown(shown)} is no image reference: {rule}",
        hint="write it as for docker run, for example registry.example:5000/team/app:1.0",
    )


def _shown(text: str, limit: int = 100) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "...")
