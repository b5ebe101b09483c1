"""Bring one sink to hold what it should: read, plan, write, record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from refresher.engine.bookkeeping import book
from refresher.engine.kit import Kit
from refresher.engine.report import Step
from refresher.engine.supply import Supply
from refresher.errors import PermanentError, RefresherError, RetryableError, unforeseen
from refresher.model.credential import UNKNOWN, Credential
from refresher.model.lease import Failure, Lease
from refresher.model.plan import Absent, Create, Delivery, Holding, Update, decide, or_wait
from refresher.ports import Busy, Change, Held, Outcome, Place, Refused, Sink, Written


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of one delivery, and the lease that it was planned for."""

    lease: Lease
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class SinkDelivery:
    """One provider's delivery to one sink (`name` is the sink's).

    `patient` keeps to the recorded waits after a failure; a run that a person
    started does not. `abandoned` is set when nobody waits for it any more: what
    it would write or record from then on could be out of date.
    """

    provider: str
    name: str
    sink: Sink
    kit: Kit
    patient: bool = False
    abandoned: bool = False

    def read(self, registries: Iterable[str]) -> Held:
        """Read the sink; one that raises can't be read at any target that is known of it."""
        try:
            return self.sink.read(tuple(registries))
        except Exception as error:  # noqa: BLE001 - one sink's fault never touches another
            return self._unread(_failed(error))

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

    def deliver(self, supply: Supply) -> Delivered:
        """Read, plan, write what differs, record.

        Once more if the lease changed under the plan, for a place that needed the
        secret had to fetch: others may hang, and are not waited for.
        """
        done = self._deliver(supply)
        if done.lease.fingerprint == supply.lease.fingerprint or self.is_abandoned():
            return done
        return self._deliver(supply)

    def _deliver(self, supply: Supply) -> Delivered:
        lease = supply.lease
        held = self.read(lease.registries)
        steps = self.plan(held, lease)
        if any(step.is_write for step in steps) and not self.is_abandoned():
            credential = supply.get(held)
            if supply.lease.fingerprint != lease.fingerprint or self._is_late(lease):
                return Delivered(lease)
            steps = tuple(self._write(steps, credential))
        if not self.is_abandoned():
            steps = self._record(steps, lease, held)
        return Delivered(lease, steps)

    def _is_late(self, lease: Lease) -> bool:
        """Tell whether others have gone on: this process may have been frozen for long."""
        if self.is_abandoned():
            return True
        return self.kit.ledger.lease(self.provider, anew=True).fingerprint != lease.fingerprint

    def _distrust(self, steps: Iterable[Step]) -> None:
        """Record that places hold nobody knows what: a late write may have undone a newer one."""
        now = self.kit.clock.now()
        late = Failure("a write that nobody waited for any more came to its end", now, 1, now)
        known = self.kit.ledger.deliveries(self.provider)
        unknown = {
            step.place: replace(
                known.get(step.place, Delivery()),
                fingerprint=None,
                written=None,
                expires=UNKNOWN,
                failure=late,
            )
            for step in steps
        }
        self.kit.ledger.save_deliveries(self.provider, unknown)

    def plan_unread(self, lease: Lease, error: Exception) -> tuple[Step, ...]:
        """Return the plan for a sink that could not be read in time."""
        return self.plan(self._unread(_failed(error)), lease)

    def give_up(self, supply: Supply, error: Exception) -> Delivered:
        """Abandon the delivery; record and return what stands for it."""
        self.abandoned = True
        lease = supply.lease
        held = self._unread(_failed(error))
        steps = self.plan(held, lease)
        self._record(steps, lease, held)
        return Delivered(lease, steps)

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

    def _write(self, steps: tuple[Step, ...], credential: Credential | None) -> Iterable[Step]:
        by_target: dict[str, list[Step]] = {}
        for step in steps:
            if step.is_write:
                by_target.setdefault(step.target, []).append(step)
        outcomes: dict[str, Outcome] = {}
        for target in self._healthy_first(by_target):
            if self.is_abandoned():
                outcomes[target] = Busy("nobody waited any more, and it was not begun")
                continue
            outcomes[target] = self._write_target(target, by_target[target], credential)
            if self.is_abandoned():
                self._distrust(by_target[target])
        for step in steps:
            yield replace(step, outcome=outcomes[step.target]) if step.is_write else step

    def _healthy_first(self, targets: Iterable[str]) -> list[str]:
        """Return the targets, those last that failed before: they may take long again."""
        known = self.kit.ledger.deliveries(self.provider).items()
        failing = {place[1] for place, each in known if place[0] == self.name and each.failure}
        return sorted(targets, key=failing.__contains__)

    def _write_target(
        self, target: str, writes: list[Step], credential: Credential | None
    ) -> Outcome:
        if credential is None:
            return Busy("the credential is not at hand, and a new one could not be fetched")
        try:
            outcome: object = self.sink.write(
                target, [Change(step.registry, credential) for step in writes]
            )
        except Exception as error:  # noqa: BLE001 - one target's fault never touches another
            return _failed(error)
        if isinstance(outcome, (Written, Busy, Refused)):
            return outcome
        return Refused("the sink did not say what came of the write")

    def _record(self, steps: Iterable[Step], lease: Lease, held: Held) -> tuple[Step, ...]:
        """Record what came of the steps; return them, with the fights that show now."""
        known = self.kit.ledger.deliveries(self.provider)
        now = self.kit.clock.now()
        draw = self.kit.draw()
        changed: dict[Place, Delivery] = {}
        told = []
        for step in steps:
            before = known.get(step.place, Delivery())
            after = book(step, before, lease, now, draw)
            if after is not before and after != before:
                changed[step.place] = after
            fight = after.repairs > before.repairs and after.fought_over(now)
            told.append(replace(step, fight=True) if fight else step)
        if changed:
            self.kit.ledger.save_deliveries(self.provider, changed)
        self._forget(known, lease, held)
        return tuple(told)

    def _forget(self, known: Iterable[Place], lease: Lease, held: Held) -> None:
        """Drop the records of targets and registries that are gone from the settings."""
        gone = [
            place
            for place in known
            if place[0] == self.name and not (place[1] in held and place[2] in lease.registries)
        ]
        if gone:
            self.kit.ledger.forget(self.provider, gone)


def _failed(error: Exception) -> Busy | Refused:
    told = error if isinstance(error, RefresherError) else unforeseen("the sink", error)
    reason = "; ".join(part for part in (str(told), told.hint) if part)
    if isinstance(told, PermanentError):
        return Refused(reason)
    return Busy(reason, told.retry_after if isinstance(told, RetryableError) else None)
