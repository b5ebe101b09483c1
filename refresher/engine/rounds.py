"""Take one provider's credential round to the sinks that it feeds, side by side."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.engine.delivery import Delivered, SinkDelivery
from refresher.engine.kit import Kit
from refresher.engine.report import Step
from refresher.engine.supply import Supply
from refresher.model import schedule
from refresher.model.lease import Lease
from refresher.ports import Held, Sink

_LOOK_SECONDS: Final = 1.0
"""How long a place that needs the secret waits for others that may hold it; then it is fetched."""

_PLAN_SECONDS: Final = 10.0
"""How long a dry run waits for a sink."""

_LONGEST: Final = 180.0
"""How long a pass goes on with the targets of a sink; the next one goes on with the others."""

_READ_SECONDS: Final = 60.0
"""How long a read may take. Sinks bound their own calls; this is for those that fail to."""


@dataclass(frozen=True, slots=True)
class Round:
    """One provider's sinks, and what it takes to serve them."""

    provider: str
    sinks: Mapping[str, Sink]
    kit: Kit

    def look(self, lease: Lease) -> Iterable[Held]:
        """Read all sinks at once; the slow and the broken ones are left out."""
        calls = {
            each.name: functools.partial(each.read, lease.registries) for each in self._deliveries()
        }
        answers = self.kit.run("look at", calls, _LOOK_SECONDS).values()
        return [answer.get() for answer in answers if answer.error is None]

    def plan(self, wanted: Lease) -> tuple[Step, ...]:
        """Return what is to be done, without doing it."""
        deliveries = self._deliveries()
        calls = {each.name: functools.partial(each.read, wanted.registries) for each in deliveries}
        answers = self.kit.run("plan", calls, _PLAN_SECONDS)
        return tuple(
            step
            for each in deliveries
            for answer in [answers[each.name]]
            for step in (
                each.plan_unread(wanted, answer.error)
                if answer.error
                else each.plan(answer.get(), wanted)
            )
        )

    def deliver(self, supply: Supply, seconds: float, *, patient: bool = False) -> tuple[Step, ...]:
        """Bring every sink to hold the supply's credential; `patient` as in `Pass`.

        A sink gets `seconds` at most, a quarter of what is left of the
        credential (the pass holds the lock under which it is renewed), and for a
        tenth of what is left of those that the places still hold.
        Nothing is done for a credential that has ended: the last good one stays
        where it is, and a dead one is never presented as good.
        """
        done: dict[str, Delivered] = {}
        pending = self._deliveries(patient=patient)
        while pending and supply.lease.alive(self.kit.clock.now()):
            done |= self._deliver(pending, supply, seconds)
            # A place that had to fetch changed the lease under the plans of the others.
            wanted = supply.lease.fingerprint
            pending = [each for each in pending if done[each.name].lease.fingerprint != wanted]
        return tuple(step for delivered in done.values() for step in delivered.steps)

    def _deliver(
        self, deliveries: Sequence[SinkDelivery], supply: Supply, seconds: float
    ) -> dict[str, Delivered]:
        left = supply.lease.remaining(self.kit.clock.now())
        limit = min(seconds, _LONGEST, max(left / 4, 1.0), self._urgency())
        named = {each.name: each for each in deliveries}
        calls = {
            name: functools.partial(each.deliver, supply, limit) for name, each in named.items()
        }
        answers = self.kit.run(
            "sink", calls, min(limit, _READ_SECONDS), lambda name: named[name].needs_more()
        )
        return {
            name: each.give_up(supply, answer.error) if answer.error else answer.get()
            for name, each in named.items()
            for answer in [answers[name]]
        }

    def _urgency(self) -> float:
        """Return how long a sink may take while some place holds what ends before long."""
        now = self.kit.clock.now()
        ends = (each.expires for each in self.kit.ledger.deliveries(self.provider).values())
        left = [schedule.seconds_between(now, end) for end in ends if isinstance(end, datetime)]
        soonest = min((each for each in left if each > 0), default=None)
        return _LONGEST if soonest is None else max(soonest / 10, 1.0)

    def _deliveries(self, *, patient: bool = False) -> list[SinkDelivery]:
        return [
            SinkDelivery(self.provider, name, sink, self.kit, patient)
            for name, sink in self.sinks.items()
        ]
