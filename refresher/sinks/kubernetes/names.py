"""What Secrets are called: one name for all registries, or one for each."""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

REGISTRY: Final = "{registry}"
"""What stands for the registry in a pattern."""

LONGEST: Final = 253
"""The most characters of a Secret's name
(https://kubernetes.io/docs/concepts/overview/working-with-objects/names/)."""

SUBDOMAIN: Final = re.compile(
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
"""The names of Secrets and service accounts (RFC 1123, as Kubernetes reads it)."""

_UNFIT: Final = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class SecretName:
    """A name, or a pattern with `{registry}` in it."""

    pattern: str

    def __str__(self) -> str:
        """Return what the settings say."""
        return self.pattern

    @property
    def is_fixed(self) -> bool:
        """Whether one Secret holds all registries."""
        return REGISTRY not in self.pattern

    def of(self, registry: str) -> str:
        """Return the name of the Secret that holds a registry (canonical spelling).

        Two registries may share one, such as `a.example:5000` and `a.example-5000`: it then holds
        both. What is too long is cut, and told apart by a hash.
        """
        name = self.pattern.replace(REGISTRY, _fit(registry))
        if len(name) <= LONGEST:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{name[: LONGEST - len(digest) - 1].rstrip('-.')}-{digest}"

    def all(self, registries: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the Secrets that hold `registries`, each with those that it holds."""
        found: dict[str, tuple[str, ...]] = {}
        for registry in registries:
            name = self.of(registry)
            found[name] = (*found.get(name, ()), registry)
        return found


def secret_name(text: str) -> SecretName:
    """Return the name or pattern in `text`.

    Raises `ValueError`, whose text follows the name of the setting.
    """
    if text.count(REGISTRY) > 1:
        raise ValueError(f"holds {REGISTRY} twice")
    name = SecretName(text)
    if len(text.replace(REGISTRY, "")) > LONGEST or not SUBDOMAIN.fullmatch(name.of("a")):
        raise ValueError(
            f"is no name of a Secret: write lower-case letters, digits, '-' and '.', or {REGISTRY} "
            "where the registry's name is to stand"
        )
    return name


def _fit(registry: str) -> str:
    labels = (label.strip("-") for label in _UNFIT.sub("-", registry.lower()).split("."))
    return ".".join(filter(None, labels))
