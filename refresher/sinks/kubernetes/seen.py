"""What was last seen of each namespace: a write starts from there, and needs no look of its own."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from refresher.sinks.kubernetes.accounts import Account

Secret = Mapping[str, Any] | None
"""A Secret as the API gives it, None for one that is not there."""

Secrets = Mapping[str, Secret]
"""Secrets by name. A name that is missing was not looked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a namespace holds of ours.

    `accounts` are the service accounts that are meant, None if nobody looked. `interferers` are
    the field managers of others who wrote a Secret last. `ending` is a namespace that is being
    terminated.
    """

    secrets: Secrets = field(default_factory=dict)
    accounts: Mapping[str, Account] | None = None
    interferers: Mapping[str, str] = field(default_factory=dict)
    ending: bool = False


class Target:
    """A namespace between two looks at it. `turn` lets one write at a time."""

    __slots__ = ("seen", "turn")

    def __init__(self) -> None:
        """Know nothing yet."""
        self.turn = threading.Lock()
        self.seen = Seen()


class Targets:
    """The namespaces of the last look. Safe to use from several threads."""

    def __init__(self) -> None:
        """Know none yet."""
        self._lock = threading.Lock()
        self._targets: dict[str, Target] = {}

    def of(self, namespace: str) -> Target:
        """Return what is known of a namespace."""
        with self._lock:
            return self._targets.setdefault(namespace, Target())

    def learn(self, seen: Mapping[str, Seen], meant: Collection[str]) -> None:
        """Remember a look at all namespaces that are `meant`, and forget all others."""
        with self._lock:
            kept = {each: self._targets.get(each) or Target() for each in meant}
            self._targets = kept
        for namespace, each in seen.items():
            kept[namespace].seen = each
