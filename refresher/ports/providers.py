"""What the engine asks of a provider."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from refresher.model.credential import Credential
from refresher.model.lease import Terms
from refresher.ports.verification import Verifier


class Provider(Protocol):
    """A source of credentials: one identity, one region, one secret at a time."""

    def fetch(self, deadline: float) -> Credential:
        """Return the current credential, obtained within `deadline` seconds.

        Called by the engine when a credential is due, from one thread at a time,
        on a thread of its own. One attempt: the engine owns retries. The same
        credential as last time is a good answer.

        Raises `RetryableError`, `PermanentError` or `ClockError`; anything else
        is taken for a bug of the provider and retried like a permanent fault.
        """
        ...


@runtime_checkable
class HasInputs(Protocol):
    """A provider whose credential is made from local files."""

    def inputs(self) -> Iterable[Path]:
        """Return the files whose change makes the provider due. They need not exist."""
        ...


@runtime_checkable
class Declares(Protocol):
    """A provider that knows its registries before it asks anybody."""

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries that its credentials will serve, in canonical form."""
        ...


@runtime_checkable
class Validates(Protocol):
    """A provider, a sink or a verifier that can tell by itself that it won't work."""

    def validate(self) -> None:
        """Raise `PermanentError` if what it needs locally is missing or malformed.

        No network, and nothing is changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A provider as the settings configure it.

    `settings` is a digest of its options: a change makes the provider due.
    With a `verifier`, each credential is tried at its registries before it is
    placed, and again whenever drift is looked for.
    """

    provider: Provider
    terms: Terms = Terms()
    settings: str = ""
    verifier: Verifier | None = None
