"""Records that fail, are lost, or come back as they were long ago."""

from collections.abc import Callable, Collection, Mapping

from greenlet import GreenletExit

from refresher.errors import StoreError
from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place, Records
from refresher.store.memory import MemoryRecords
from tests.simulation.kernel import Crew


class Archive:
    """The records that all processes share; `down` is set while they can't be used."""

    def __init__(self, records: Records, *, new: Callable[[], Records] | None = None) -> None:
        self.records = records
        self.down = False
        self._new = new or MemoryRecords

    def lose(self) -> None:
        """Start again with empty records, under another key."""
        self.records = self._new()

    def copy(self) -> Callable[[], None] | None:
        """Return what brings the records back as they are now, None if they can't be copied."""
        records = self.records
        if not isinstance(records, MemoryRecords):
            return None
        leases = dict(records._leases)
        deliveries = {name: dict(each) for name, each in records._deliveries.items()}

        def restore() -> None:
            self.records = records
            records._leases = dict(leases)
            records._deliveries = {name: dict(each) for name, each in deliveries.items()}

        return restore


class SimRecords:
    """The `Records` of one process."""

    def __init__(self, archive: Archive, crew: Crew, step: Callable[[Crew], None]) -> None:
        """`step` is called before each change: the process may be killed at it."""
        self._archive = archive
        self._crew = crew
        self._step = step

    def _reached(self) -> Records:
        if not self._crew.alive:
            raise GreenletExit
        if self._archive.down:
            raise StoreError("the records are away")
        return self._archive.records

    def _changed(self) -> Records:
        self._step(self._crew)
        return self._reached()

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """See `Records.fingerprint`."""
        return self._reached().fingerprint(username, secret)

    def lease(self, provider: str) -> Lease:
        """See `Records.lease`."""
        return self._reached().lease(provider)

    def leases(self) -> Mapping[str, Lease]:
        """See `Records.leases`."""
        return self._reached().leases()

    def save_lease(self, provider: str, lease: Lease) -> None:
        """See `Records.save_lease`."""
        self._changed().save_lease(provider, lease)

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """See `Records.deliveries`."""
        return self._reached().deliveries(provider)

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """See `Records.save_deliveries`."""
        self._changed().save_deliveries(provider, deliveries)

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """See `Records.forget`."""
        self._changed().forget(provider, places)
