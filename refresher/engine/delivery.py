"""Bring one sink to hold what it should: read, plan, write, record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from refresher.engine.kit import Kit
from refresher.engine.report import Step
from refresher.engine.results import Results, failed
from refresher.engine.supply import Supply
from refresher.engine.writing import Writer
from refresher.model.lease import Lease
from refresher.model.plan import Absent, Create, Delivery, Holding, Update, decide, or_wait
from refresher.ports import Busy, Held, Place, Refused, Sink

_GRACE: Final = 60.0
"""How much longer than it has a delivery may take: a place may have to wait for a fetch besides."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of one delivery, and the lease that it was planned for."""

    lease: Lease
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class SinkDelivery:
    """One provider's delivery to one sink (`name` is the sink's).

    `patient` keeps to the recorded waits after a failure; a run that a person
    started does not. `abandoned` is set when nobody waits for it any more:
    nothing is begun from then on.
    """

    provider: str
    name: str
    sink: Sink
    kit: Kit
    patient: bool = False
    abandoned: bool = False
    _end: float = 0.0
    _reading: bool = True

    def read(self, registries: Iterable[str]) -> Held:
        """Read the sink; one that raises can't be read at any target that is known of it."""
        try:
            return self.sink.read(tuple(registries))
        except Exception as error:  # noqa: BLE001 - one sink's fault never touches another
            return self._unread(failed(error))

    def is_abandoned(self) -> bool:
        """Tell whether nobody waits any more. That changes while other methods run."""
        return self.abandoned

    def plan(self, held: Held, lease: Lease) -> tuple[Step, ...]:
        """Return what is to be done at each target, without doing it."""
        deliveries = self.kit.ledger.deliveries(self.provider)
        return tuple(
            step
            for target, content in held.items()
            for step in self._plan_target(target, content, lease, deliveries)
        )

    def deliver(self, supply: Supply, seconds: float) -> Delivered:
        """Read, plan, write what differs, record. Nothing is begun after `seconds`.

        Once more if the lease changed under the plan, for a place that needed the
        secret had to fetch: others may hang, and are not waited for.
        """
        self._end = self.kit.clock.monotonic() + seconds
        done = self._deliver(supply)
        if done.lease.fingerprint == supply.lease.fingerprint or self.is_abandoned():
            return done
        return self._deliver(supply)

    def needs_more(self) -> float:
        """Return how many seconds it may still take: none while it reads, for that may hang."""
        left = self._end + _GRACE - self.kit.clock.monotonic()
        return 0.0 if self._reading else max(left, 0.0)

    def plan_unread(self, lease: Lease, error: Exception) -> tuple[Step, ...]:
        """Return the plan for a sink that could not be read in time."""
        return self.plan(self._unread(failed(error)), lease)

    def give_up(self, supply: Supply, error: Exception) -> Delivered:
        """Abandon the delivery; record and return what stands for it."""
        self.abandoned = True
        lease = supply.lease
        held = self._unread(failed(error))
        return Delivered(lease, self._results(lease).close(self.plan(held, lease), held))

    def _deliver(self, supply: Supply) -> Delivered:
        lease = supply.lease
        self._reading = True
        held = self.read(lease.registries)
        self._reading = False
        if self.is_abandoned():
            return Delivered(lease)
        steps = self.plan(held, lease)
        results = self._results(lease)
        if any(step.is_write for step in steps):
            credential = supply.get(held)
            if supply.lease.fingerprint != lease.fingerprint or self._is_late(lease):
                return Delivered(lease)
            writer = Writer(self.sink, self.kit, results, self.is_abandoned)
            steps = writer.write(steps, credential, self._end)
        return Delivered(lease, results.close(steps, held))

    def _results(self, lease: Lease) -> Results:
        return Results(self.provider, self.name, lease, self.kit)

    def _is_late(self, lease: Lease) -> bool:
        """Tell whether others have gone on: this process may have been frozen for long."""
        if self.is_abandoned():
            return True
        return self.kit.ledger.lease(self.provider, anew=True).fingerprint != lease.fingerprint

    def _unread(self, outcome: Busy | Refused) -> Held:
        places = self.kit.ledger.deliveries(self.provider)
        known = dict.fromkeys(target for name, target, _ in places if name == self.name)
        return dict.fromkeys(known, outcome) or {"": outcome}

    def _plan_target(
        self,
        target: str,
        content: Mapping[str, Holding] | Busy | Refused,
        lease: Lease,
        deliveries: Mapping[Place, Delivery],
    ) -> Iterable[Step]:
        now = self.kit.clock.now()
        for registry in lease.registries:
            if isinstance(content, (Busy, Refused)):
                yield Step(self.name, target, registry, outcome=content)
                continue
            held = content.get(registry, Absent())
            recorded = deliveries.get((self.name, target, registry), Delivery())
            action = decide(held, lease, recorded, now, self.kit.ledger.fingerprint)
            if self.patient:
                action = or_wait(action, recorded, now)
            supplied = lease.fingerprint is not None and recorded.fingerprint == lease.fingerprint
            drift = supplied and isinstance(action, (Create, Update))
            yield Step(self.name, target, registry, action, drift=drift)
