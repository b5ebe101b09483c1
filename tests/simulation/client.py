"""How one process reaches an issuer."""

from greenlet import GreenletExit

from refresher.model.credential import Credential
from tests.simulation.issuers import Issuer
from tests.simulation.kernel import Crew
from tests.simulation.machine import Host


class Client:
    """The `Provider` by which one process reaches an issuer."""

    def __init__(self, issuer: Issuer, crew: Crew, host: Host) -> None:
        self._issuer = issuer
        self._crew = crew
        self._host = host

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries that the credentials serve."""
        return self._issuer.character.registries

    def fetch(self, deadline: float) -> Credential:
        """See `Provider.fetch`."""
        if not self._crew.alive:
            raise GreenletExit
        return self._issuer.fetch(self._crew, self._host, deadline)
