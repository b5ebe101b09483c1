"""How the places that hold credentials stand: values for a person, a health check, a metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.model.credential import Expiry
from refresher.model.lease import Lease, State

FAILING: Final = "failing"
"""The state of a place whose last write did not succeed, that no client would read, whose registry
objects to the credential, or whose credential has no known end and can't be fetched again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one registry at one target stands; `target` is empty before the first delivery.

    `state` is a `State`, or `FAILING`.
    """

    provider: str
    registry: str
    sink: str
    target: str
    state: str
    issued: datetime | None
    expires: Expiry
    renew_at: datetime | None
    error: str = ""

    @property
    def healthy(self) -> bool:
        """Tell whether nobody has to act: neither urgent nor dead, failing or never obtained."""
        if self.state in {State.URGENT, State.DEAD, FAILING}:
            return False
        return not (self.state == State.PENDING and self.error)


@dataclass(frozen=True, slots=True)
class Survey:
    """How everything stood at the moment `now`: each provider's lease, and each place."""

    now: datetime
    leases: Mapping[str, Lease]
    places: tuple[Standing, ...]
