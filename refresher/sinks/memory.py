"""A sink that keeps credentials in this process: for libraries, and for tests."""

import threading
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

from refresher.model.credential import Credential
from refresher.model.plan import Absent, Value
from refresher.options import Options as BaseOptions
from refresher.ports import Change, Held, Outcome, Refused, Tools, Written


def _named(targets: tuple[str, ...]) -> tuple[str, ...]:
    if not targets or not all(targets):
        raise ValueError("must name at least one target, and none of them empty")
    return targets


class Options(BaseOptions):
    """The names of the targets."""

    targets: Annotated[tuple[str, ...], AfterValidator(_named)] = ("memory",)


class MemorySink:
    """Holds credentials for each of its targets, until the process ends."""

    def __init__(self, targets: Sequence[str] = ("memory",)) -> None:
        """Take the names of the targets; all are empty."""
        self._lock = threading.Lock()
        self._held: dict[str, dict[str, Credential]] = {target: {} for target in targets}

    def __repr__(self) -> str:
        """Return the type and the targets."""
        return f"{type(self).__name__}({tuple(self._held)!r})"

    @property
    def holdings(self) -> Mapping[str, Mapping[str, Credential]]:
        """What each target holds now, by registry: a copy."""
        with self._lock:
            return MappingProxyType(
                {target: MappingProxyType(dict(held)) for target, held in self._held.items()}
            )

    def read(self, registries: Collection[str]) -> Held:
        """Return what each target holds for each registry."""
        return {
            target: {registry: _holding(held.get(registry)) for registry in registries}
            for target, held in self.holdings.items()
        }

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Hold the credentials, all at once."""
        with self._lock:
            if target not in self._held:
                return Refused(f"{target} is no target of this sink: {', '.join(self._held)}")
            self._held[target].update((change.registry, change.credential) for change in changes)
        return Written()


def _holding(credential: Credential | None) -> Absent | Value:
    if credential is None:
        return Absent()
    return Value(credential.username, credential.secret, credential.email)


def build(options: Options, tools: Tools) -> MemorySink:  # noqa: ARG001 - it needs none
    """Return an empty sink."""
    return MemorySink(options.targets)
