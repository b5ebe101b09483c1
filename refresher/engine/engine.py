"""The engine: every provider's renewal, side by side.

Everything it needs comes in as an argument.
"""

import functools
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from refresher.clock import SystemClock
from refresher.engine.announce import NoEvents, announce
from refresher.engine.kit import Kit
from refresher.engine.ledger import Ledger
from refresher.engine.renewal import Pass, Renewal
from refresher.engine.report import Fetch, ProviderReport, Report, Upcoming
from refresher.engine.rounds import Round
from refresher.engine.standing import survey
from refresher.engine.workers import Answer, ThreadWorkers, Workers
from refresher.errors import RefresherError, unforeseen
from refresher.model.address import canonical
from refresher.model.credential import Credential
from refresher.model.standing import Survey
from refresher.ports import Clock, Events, Lock, Provider, Records, Route, Sink, Source
from refresher.store.memory import MemoryLock, MemoryRecords

__all__ = ["Engine", "Pass"]

_HURRIED: Final = 3.0
"""How long, in seconds, whoever has a live credential to answer with waits for another run."""

_GRACE: Final = 0.5
"""What a pass that gave up in time may take to say so, in seconds."""


class Engine:
    """Keeps the sinks of each provider supplied with its current credential.

    `sources` are providers by name, plain or with their settings; `sinks` are by
    name. Without `routes` every provider feeds every sink. Records and lock
    default to memory: a new process then asks each provider once. Safe to call
    from several threads.
    """

    def __init__(
        self,
        sources: Mapping[str, Provider | Source],
        sinks: Mapping[str, Sink],
        *,
        routes: Sequence[Route] | None = None,
        records: Records | None = None,
        lock: Lock | None = None,
        clock: Clock | None = None,
        events: Events | None = None,
        workers: Workers | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Wire the parts together; nothing is read or asked yet."""
        self._clock = clock or SystemClock()
        self._events = events or NoEvents()
        self._ledger = Ledger(records or MemoryRecords(), self._events)
        kit = Kit(self._ledger, self._clock, workers or ThreadWorkers(), draw, self._events)
        routes = (Route(tuple(sources), tuple(sinks)),) if routes is None else routes
        lock = lock or MemoryLock()
        self._kit = kit
        self._renewals: dict[str, Renewal] = {}
        for name, source in sources.items():
            fed = {each for route in routes if name in route.providers for each in route.sinks}
            places = {each: sink for each, sink in sinks.items() if each in fed}
            whole = source if isinstance(source, Source) else Source(source)
            self._renewals[name] = Renewal(name, whole, Round(name, places, kit), kit, lock)

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers, in the order of the settings."""
        return tuple(self._renewals)

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """The names of the sinks that each provider feeds."""
        return {name: tuple(each.places.sinks) for name, each in self._renewals.items()}

    def run(
        self, names: Collection[str] | None = None, how: Pass = Pass(), *, seconds: float = 60.0
    ) -> Report:
        """Make one pass over each provider, side by side; what takes longer is given up."""
        limit = replace(how, end=min(how.end, self._clock.monotonic() + seconds))
        return self._side_by_side(names, lambda name: self.renew(name, limit), seconds + _GRACE)

    def plan(self, names: Collection[str] | None = None, *, seconds: float = 60.0) -> Report:
        """Tell what `run` would do, reading the sinks and asking no provider."""
        return self._side_by_side(
            names, lambda name: self._renewals[name].plan(), seconds, what="plan"
        )

    def renew(self, name: str, how: Pass = Pass()) -> ProviderReport:
        """Make one pass over one provider. What fails is in the report, never raised."""
        try:
            report = self._renewals[name].make(how)
        except Exception as error:  # noqa: BLE001 - one provider's fault never touches another
            report = self._broken(name, error)
        for event in announce(report, self._clock.now()):
            self._events.emit(event)
        return report

    def upcoming(self, name: str) -> Upcoming:
        """Return what calls for the provider's next pass, as the report of a whole pass does.

        Drift is no part of it: looking for that has a rhythm of its own.
        """
        return self._renewals[name].upcoming()

    def inputs(self, name: str) -> str:
        """Return a digest of the provider's input files; it changes when one of them does."""
        return self._renewals[name].inputs()

    def survey(self) -> Survey:
        """Return how everything stands now, by the records and by what bridges their outage."""
        declared = {name: each.declared for name, each in self._renewals.items()}
        return survey(self._ledger, self._clock.now(), self.routes, declared)

    def get(self, registry: str) -> Credential | None:
        """Return a live credential for a registry, renewed first if it is due.

        None if no provider serves the registry or it has no live credential.
        """
        address = canonical(registry)
        for name, renewal in self._renewals.items():
            if not renewal.serves(address):
                continue
            # Who pulls images asks often: a live credential is no reason to hurry a failing
            # provider.
            alive = renewal.is_alive()
            how = Pass(repair=False, wanted=True, patient=alive)
            self.renew(name, replace(how, lock_wait=_HURRIED) if alive else how)
            if renewal.is_alive():
                return renewal.find()
        return None

    def _side_by_side(
        self,
        names: Collection[str] | None,
        work: Callable[[str], ProviderReport],
        seconds: float,
        *,
        what: str = "pass",
    ) -> Report:
        chosen = self.providers if names is None else tuple(names)
        calls = {name: functools.partial(work, name) for name in chosen}
        answers = self._kit.run(what, calls, seconds)
        return Report(tuple(self._outcome(name, answers[name]) for name in chosen))

    def _outcome(self, name: str, answer: Answer[ProviderReport]) -> ProviderReport:
        return answer.get() if answer.error is None else self._broken(name, answer.error)

    def _broken(self, name: str, error: Exception) -> ProviderReport:
        told = error if isinstance(error, RefresherError) else unforeseen("refresher", error)
        return ProviderReport(name, self._ledger.lease(name), Fetch.FAILED, error=told)
