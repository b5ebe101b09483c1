"""What the engine asks of a sink."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from refresher.model.credential import Credential
from refresher.model.plan import Holding


@dataclass(frozen=True, slots=True)
class Written:
    """The target holds the changes now. `notes` tell a person what else was done there."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Busy:
    """Not done, and time may heal it: a lock, a conflict, a server error."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not done, and somebody has to act: denied, read-only, malformed."""

    reason: str


Outcome = Written | Busy | Refused


@dataclass(frozen=True, slots=True)
class Change:
    """Put `credential` at `registry` (one of the registries that it serves)."""

    registry: str
    credential: Credential


Held = Mapping[str, Mapping[str, Holding] | Busy | Refused]
"""Per target: what it holds for each registry that was asked for, or why it can't be told."""


class Sink(Protocol):
    """A place that holds credentials: it translates, and never decides, retries or schedules.

    Called from several threads at once. Both methods return within a bounded
    time; what can't be done is a value with a reason, not an exception.
    """

    def read(self, registries: Collection[str]) -> Held:
        """Return every target with what it holds for each of `registries`.

        A target that can't be read is `Busy` or `Refused` in its place and
        hides no other target.
        """
        ...

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Make all `changes` at one target, touching nothing else there.

        Returns `Written` only when a client of the target would find the
        credentials. May re-read and re-apply at once on a conflict, three times
        at most; nothing timed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sink can bear: so many targets are written at once, each one's writes in turn."""

    at_once: int = 1

    def __post_init__(self) -> None:
        """Raise `ValueError` for limits under which nothing would be written."""
        if self.at_once < 1:
            raise ValueError(self.at_once)


@runtime_checkable
class HasLimits(Protocol):
    """A sink of many targets that may be written side by side; without it they take turns."""

    @property
    def limits(self) -> Limits:
        """What the sink can bear."""
        ...


@runtime_checkable
class Occupies(Protocol):
    """A sink that can tell what it writes to: two with the same would undo each other."""

    def occupies(self) -> str:
        """Return a text that is equal for sinks over the same file, environment or the like."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A sink whose targets are on a server, so that even to read them asks somebody.

    If it can validate itself, what it finds is about what the settings name on this host.
    """

    @property
    def server(self) -> str:
        """The server, as people know it."""
        ...


@runtime_checkable
class Advises(Protocol):
    """A sink that can tell what would keep clients of its targets from using what they hold."""

    def advise(self, registries: Collection[str]) -> Iterable[str]:
        """Return what stands in the way of images of `registries`, a sentence each.

        Asked when a person has everything checked; what `read` tells is not repeated.
        """
        ...


@runtime_checkable
class Retires(Protocol):
    """A sink that can tell what it put into its targets, and take it back."""

    def retire(self, target: str, registries: Collection[str]) -> Outcome:
        """Remove from one target what this sink put there, touching nothing else.

        `registries` are all that it ever held there, as far as that is known. Returns `Written`
        when nothing of ours is there, with notes of what was removed, and of what of others
        stays. Bounded in time as `Sink.write` is. A target without anything of ours stays as it is.
        """
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """Which providers feed which sinks, by name: the only joint between the two."""

    providers: tuple[str, ...]
    sinks: tuple[str, ...]
