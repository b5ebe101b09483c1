"""What the settings ask for: how a credential is tried, and whom to trust on the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

from refresher.model.address import parse
from refresher.model.image import ImageReference

_Item = TypeVar("_Item")


class Mode(StrEnum):
    """How a credential is tried."""

    OFF = "off"
    LOGIN = "login"
    """Whether the registry lets it in."""
    PULL = "pull"
    """The same, and whether it may pull an image."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How one registry is recognised, whoever asks it.

    `ca_file` holds its certificate authority, trusted besides the public ones and
    for this registry alone. With `insecure` its certificate is not looked at, and it
    may speak plain HTTP.
    """

    ca_file: Path | None = None
    insecure: bool = False

    @property
    def authorities(self) -> tuple[tuple[str, Path], ...]:
        """The file of its authority, with the setting that names it."""
        return () if self.ca_file is None else (("ca_file in trust", self.ca_file),)


@dataclass(frozen=True, slots=True)
class Policy:
    """How the credentials of a provider are tried.

    `images` are what `Mode.PULL` asks for. `ca_files` hold certificate
    authorities, trusted besides the public ones. `insecure` and `realms` are
    addresses (`host[:port]`): hosts whose certificate is not looked at and that
    may speak plain HTTP, and token servers that may be at internal addresses. `trust`
    is that of the one registry that is asked.
    """

    mode: Mode = Mode.OFF
    images: tuple[ImageReference, ...] = ()
    ca_files: tuple[Path, ...] = ()
    insecure: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()
    trust: Trust = Trust()

    @classmethod
    def strictest(cls, policies: Iterable[Self]) -> Self:
        """Return what satisfies all of `policies`: the strictest mode, and all that they name."""
        active = [each for each in policies if each.mode is not Mode.OFF]
        return cls(
            max((each.mode for each in active), key=list(Mode).index, default=Mode.OFF),
            _merged(each.images for each in active),
            _merged(each.ca_files for each in active),
            _merged(each.insecure for each in active),
            _merged(each.realms for each in active),
        )

    @property
    def authorities(self) -> tuple[tuple[str, Path], ...]:
        """The files of authorities, each with the setting that names it."""
        return (*(("verify.ca_file", path) for path in self.ca_files), *self.trust.authorities)

    def at(self, host: str, trust: Trust) -> Self:
        """Return the policy for the registry at `host[:port]`, with its own trust."""
        insecure = (*self.insecure, host) if trust.insecure else self.insecure
        return replace(self, insecure=insecure, trust=trust)

    def images_at(self, registry: str) -> tuple[ImageReference, ...]:
        """Return the images that are below a registry address (in canonical form)."""
        return tuple(image for image in self.images if _below(image, registry))

    def is_insecure(self, host: str) -> bool:
        """Tell whether TLS is not asked of `host[:port]`."""
        return without_default_port(host) in map(without_default_port, self.insecure)


def trust_of(registry: str, trusts: Mapping[str, Trust]) -> Trust:
    """Return the trust of a registry (in canonical form), none where nothing is said of it."""
    host = without_default_port(parse(registry).host)
    found = (trust for each, trust in trusts.items() if without_default_port(each) == host)
    return next(found, Trust())


def without_default_port(address: str) -> str:
    """Return a registry address without the port that HTTPS has anyway."""
    return address.removesuffix(":443")


def _below(image: ImageReference, registry: str) -> bool:
    address = parse(registry)
    inside = not address.path or f"{image.path}/".startswith(f"{address.path}/")
    return image.registry == address.host and inside


def _merged(groups: Iterable[tuple[_Item, ...]]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))
