"""What came of one sink's delivery, recorded as it comes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from refresher.engine.bookkeeping import book, distrusted
from refresher.engine.kit import Kit
from refresher.engine.report import Step
from refresher.errors import PermanentError, RefresherError, RetryableError, unforeseen
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Busy, Held, Place, Refused


@dataclass(slots=True)
class Results:
    """Records what comes of a provider's `lease` at one sink.

    Each target that is written is recorded at once: a pass over thousands may be
    interrupted, and what was done before that need not be done again.
    """

    provider: str
    sink: str
    lease: Lease
    kit: Kit
    _draw: float | None = None
    _told: dict[Place, Step] = field(default_factory=dict)

    def add(self, steps: Iterable[Step]) -> None:
        """Record what came of steps, and keep them, with the fights that show now."""
        known = self.kit.ledger.deliveries(self.provider)
        now = self.kit.clock.now()
        if self._draw is None:
            self._draw = self.kit.draw()
        changed: dict[Place, Delivery] = {}
        for step in steps:
            before = known.get(step.place, Delivery())
            after = book(step, before, self.lease, now, self._draw)
            if after is not before and after != before:
                changed[step.place] = after
            fight = after.repairs > before.repairs and after.fought_over(now)
            self._told[step.place] = replace(step, fight=True) if fight else step
        if changed:
            self.kit.ledger.save_deliveries(self.provider, changed)

    def close(self, steps: tuple[Step, ...], held: Held) -> tuple[Step, ...]:
        """Record what is not recorded of `steps`; return them all, in their order.

        Drops the records of targets and registries that are gone from the settings.
        """
        self.add(step for step in steps if step.place not in self._told)
        known = self.kit.ledger.deliveries(self.provider)
        gone = [place for place in known if self._is_gone(place, held)]
        if gone:
            self.kit.ledger.forget(self.provider, gone)
        return tuple(self._told[step.place] for step in steps)

    def distrust(self, steps: Iterable[Step]) -> None:
        """Record that places hold nobody knows what: a late write may have undone a newer one."""
        known = self.kit.ledger.deliveries(self.provider)
        now = self.kit.clock.now()
        places = [step.place for step in steps]
        unknown = {place: distrusted(known.get(place, Delivery()), now) for place in places}
        self.kit.ledger.save_deliveries(self.provider, unknown)

    def known(self) -> dict[str, list[Delivery]]:
        """Return what is recorded of each target of this sink."""
        found: dict[str, list[Delivery]] = {}
        for (sink, target, _), each in self.kit.ledger.deliveries(self.provider).items():
            if sink == self.sink:
                found.setdefault(target, []).append(each)
        return found

    def _is_gone(self, place: Place, held: Held) -> bool:
        sink, target, registry = place
        return sink == self.sink and not (target in held and registry in self.lease.registries)


def failed(error: Exception) -> Busy | Refused:
    """Return what an exception of a sink means."""
    told = error if isinstance(error, RefresherError) else unforeseen("the sink", error)
    reason = "; ".join(part for part in (str(told), told.hint) if part)
    if isinstance(told, PermanentError):
        return Refused(reason)
    return Busy(reason, told.retry_after if isinstance(told, RetryableError) else None)
