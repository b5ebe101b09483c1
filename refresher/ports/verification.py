"""What the engine asks of whoever tries a credential at its registry."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from refresher.model.credential import Credential


class Verdict(StrEnum):
    """What a registry says to a credential."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The registry does not take it."""
    FORBIDDEN = "forbidden"
    """The registry takes it, and gives it no right to pull: a new one would fare no better."""
    INCONCLUSIVE = "inconclusive"
    """The registry could not be asked, or gave no clear answer."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the reason for any that is not `ACCEPTED`."""

    verdict: Verdict
    reason: str = ""


class Verifier(Protocol):
    """Tries a credential at a registry, as the programs that pull do."""

    def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
        """Return what `registry` says to `credential`, within `deadline` seconds.

        Called on a thread of its own, once per provider and registry. One attempt;
        what goes wrong on the way is `INCONCLUSIVE`, never raised.
        """
        ...
