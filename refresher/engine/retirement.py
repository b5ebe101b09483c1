"""Take back what a sink put into its targets, and forget that it did."""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from refresher.engine.results import failed
from refresher.engine.workers import Workers
from refresher.ports import HasLimits, Limits, Lock, Outcome, Place, Records, Retires, Written

_SECONDS: Final = 60.0
"""How long one target may take. Sinks bound their own calls; this is for those that fail to."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of the sink that is called `name`, and of what is recorded of it."""

    name: str
    sink: Retires
    records: Records

    @property
    def places(self) -> Mapping[str, Collection[Place]]:
        """What is recorded of the sink, by provider; of former providers, too.

        Raises as `Records` does.
        """
        found = {}
        for provider in self.records.leases():
            recorded = self.records.deliveries(provider)
            found[provider] = tuple(place for place in recorded if place[0] == self.name)
        return {provider: places for provider, places in found.items() if places}

    def run(
        self, targets: Iterable[str], registries: Collection[str], workers: Workers
    ) -> Mapping[str, Outcome]:
        """Return what came of each target; one that fails hides no other.

        `registries` are all that may be there.
        """
        calls = {each: functools.partial(self.sink.retire, each, registries) for each in targets}
        limits = self.sink.limits if isinstance(self.sink, HasLimits) else Limits()
        outcomes: dict[str, Outcome] = {}
        for answers in workers.stream(calls, limits.at_once, _SECONDS, float("inf")):
            for target, answer in answers.items():
                outcomes[target] = answer.get() if answer.error is None else failed(answer.error)
        return {target: outcomes[target] for target in calls}

    def forget(self, outcomes: Mapping[str, Outcome]) -> None:
        """Drop what is recorded of the targets that are done. Raises as `Records` does."""
        done = {each for each, outcome in outcomes.items() if isinstance(outcome, Written)}
        for provider, places in self.places.items():
            self.records.forget(provider, [place for place in places if place[1] in done])


@contextmanager
def alone(lock: Lock, providers: Iterable[str], wait: float) -> Iterator[None]:
    """Keep other runs from writing what providers give meanwhile.

    Raises `LockTimeoutError` if one of them goes on for more than `wait` seconds.
    """
    with ExitStack() as stack:
        # In one order for all, so that two who do this never wait for each other.
        for provider in sorted(providers):
            stack.enter_context(lock.hold(provider, wait))
        yield
