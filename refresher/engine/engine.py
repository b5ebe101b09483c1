"""The engine: one pass over one provider is a straight line.

    due?  ->  lock, look again  ->  fetch  ->  check  ->  read  ->  plan  ->  write  ->  record

Everything it needs comes in as an argument. It decides nothing by itself: the
decisions are pure functions in `refresher.model`.
"""

import contextlib
import functools
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.clock import SystemClock
from refresher.engine.announce import NoEvents, announce
from refresher.engine.fetching import Attempt, Fetcher
from refresher.engine.kit import Kit
from refresher.engine.ledger import Ledger
from refresher.engine.report import Fetch, ProviderReport, Report
from refresher.engine.rounds import Round
from refresher.engine.supply import Supply
from refresher.engine.workers import Answer, ThreadWorkers, Workers
from refresher.errors import LockTimeoutError, RefresherError, unforeseen
from refresher.model.address import canonical
from refresher.model.credential import Credential
from refresher.model.lease import Lease
from refresher.ports import (
    Clock,
    Declares,
    Event,
    EventName,
    Events,
    Lock,
    Provider,
    Records,
    Route,
    Severity,
    Sink,
    Source,
)
from refresher.store.memory import MemoryLock, MemoryRecords

_HURRIED: Final = 3.0
"""How long the sinks may take, in seconds, when somebody waits for the secret itself."""

_GRACE: Final = 0.5
"""What a pass that gave up in time may take to say so, in seconds."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How a pass is made.

    `lock_wait` is the longest wait in seconds for another run that holds the
    provider's lock, `end` the moment of the engine's monotonic clock at which the
    pass gives up. `patient` keeps to the recorded waits after failures, as the
    daemon does. Without `repair` the sinks are looked at only when a fetch is due.
    `wanted` makes one due when the secret itself is asked for and nobody here holds it.
    """

    lock_wait: float = 60.0
    end: float = float("inf")
    patient: bool = False
    repair: bool = True
    wanted: bool = False


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
        self._sources = {
            name: source if isinstance(source, Source) else Source(source)
            for name, source in sources.items()
        }
        self._sinks = dict(sinks)
        self._routes = (Route(tuple(sources), tuple(sinks)),) if routes is None else tuple(routes)
        self._clock = clock or SystemClock()
        self._events = events or NoEvents()
        self._lock = lock or MemoryLock()
        self._ledger = Ledger(records or MemoryRecords(), self._events)
        workers = workers or ThreadWorkers()
        self._kit = Kit(self._ledger, self._clock, workers, draw, self._events)
        self._fetcher = Fetcher(self._kit)

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers, in the order of the settings."""
        return tuple(self._sources)

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """The names of the sinks that each provider feeds."""
        return {name: tuple(self._round(name).sinks) for name in self._sources}

    def run(
        self, names: Collection[str] | None = None, how: Pass = Pass(), *, seconds: float = 60.0
    ) -> Report:
        """Make one pass over each provider, side by side; what takes longer is given up."""
        limit = replace(how, end=min(how.end, self._clock.monotonic() + seconds))
        return self._side_by_side(names, lambda name: self.renew(name, limit), seconds + _GRACE)

    def plan(self, names: Collection[str] | None = None, *, seconds: float = 60.0) -> Report:
        """Tell what `run` would do, reading the sinks and asking no provider."""
        return self._side_by_side(names, self._plan, seconds, what="plan")

    def renew(self, name: str, how: Pass = Pass()) -> ProviderReport:
        """Make one pass over one provider. What fails is in the report, never raised."""
        try:
            report = self._pass(name, how)
        except Exception as error:  # noqa: BLE001 - one provider's fault never touches another
            report = self._broken(name, error)
        for event in announce(report, self._clock.now()):
            self._events.emit(event)
        return report

    def wake_at(self, name: str) -> datetime | None:
        """Return when the provider needs its next pass, None if only a change calls for one.

        Drift is no part of it: looking for that has a rhythm of its own.
        """
        now = self._clock.now()
        lease = self._ledger.lease(name)
        if self._fetcher.due(name, self._sources[name], lease, patient=True):
            return now
        moments = [lease.wake_at()]
        if lease.alive(now):
            places = self._ledger.deliveries(name).items()
            fed = self._round(name).sinks
            failures = [each.failure for (sink, _, _), each in places if sink in fed]
            moments += [
                failure.retry_at if failure.holds(now) else now for failure in failures if failure
            ]
        return min((moment for moment in moments if moment is not None), default=None)

    def get(self, registry: str) -> Credential | None:
        """Return a live credential for a registry, renewed first if it is due.

        None if no provider serves the registry or it has no live credential.
        """
        address = canonical(registry)
        for name, source in self._sources.items():
            lease = self._ledger.lease(name)
            if address in (_declared(source) or lease.registries):
                # Who pulls images asks often: a live credential is no reason to hurry a failing
                # provider.
                patient = lease.alive(self._clock.now())
                self.renew(name, Pass(repair=False, wanted=True, patient=patient))
                lease = self._ledger.lease(name)
                if lease.alive(self._clock.now()):
                    return self._supply(name, lease, self._round(name)).find()
        return None

    def _pass(self, name: str, how: Pass) -> ProviderReport:
        source = self._sources[name]
        lease = self._ledger.lease(name)
        if not how.repair and not self._reason(name, lease, how):
            return ProviderReport(name, lease, Fetch.NOT_DUE)
        with self._hold(name, min(how.lock_wait, self._left(how))):
            self._ledger.catch_up(name)
            lease = self._ledger.lease(name)
            reason = self._reason(name, lease, how)
            attempt = None
            if reason:
                attempt = self._fetcher.fetch(name, source, lease, self._left(how))
                lease = attempt.lease
            places = self._round(name, patient=how.patient)
            supply = self._supply(name, lease, places, attempt, how)
            limit = _HURRIED if how.wanted else self._left(how)
            steps = places.deliver(supply, limit)
        last = supply.attempt or Attempt(lease, Fetch.NOT_DUE)
        return ProviderReport(name, last.lease, last.fetch, reason or "", last.error, steps)

    def _reason(self, name: str, lease: Lease, how: Pass) -> str | None:
        due = self._fetcher.due(name, self._sources[name], lease, patient=how.patient)
        if due or not how.wanted or (how.patient and self._waits(lease)):
            return due
        if self._supply(name, lease, self._round(name)).find():
            return None
        return "its secret is asked for and nowhere at hand"

    def _supply(
        self,
        name: str,
        lease: Lease,
        places: Round,
        attempt: Attempt | None = None,
        how: Pass = Pass(),
    ) -> Supply:
        source = self._sources[name]

        def fetch() -> Attempt:
            if places.patient and self._waits(lease):
                return Attempt(lease, Fetch.NOT_DUE)
            made = self._fetcher.fetch(name, source, lease, self._left(how))
            return replace(made, lease=_narrowed(made.lease, source))

        wanted = _narrowed(lease, source)
        return Supply(
            wanted,
            self._fetcher.remembered(name, lease),
            attempt=attempt,
            look=lambda: places.look(wanted),
            fetch=fetch,
            fingerprint=self._ledger.fingerprint,
        )

    def _round(self, name: str, *, patient: bool = False) -> Round:
        fed = {sink for route in self._routes if name in route.providers for sink in route.sinks}
        sinks = {sink: self._sinks[sink] for sink in self._sinks if sink in fed}
        return Round(name, sinks, self._kit, patient)

    def _plan(self, name: str) -> ProviderReport:
        source = self._sources[name]
        lease = self._ledger.lease(name)
        reason = self._fetcher.due(name, source, lease, patient=False)
        wanted = Lease(_declared(source) or lease.registries) if reason else lease
        fetch = Fetch.WOULD_FETCH if reason else Fetch.NOT_DUE
        steps = self._round(name).plan(wanted)
        return ProviderReport(name, lease, fetch, reason or "", steps=steps)

    def _waits(self, lease: Lease) -> bool:
        return lease.failure is not None and lease.failure.holds(self._clock.now())

    def _left(self, how: Pass) -> float:
        return max(how.end - self._clock.monotonic(), 0.0)

    @contextlib.contextmanager
    def _hold(self, name: str, wait: float) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._lock.hold(name, wait))
            except LockTimeoutError:
                raise
            except Exception as error:  # noqa: BLE001 - a lock may be another package's
                # Two runs at once cost one call too many; no run at all costs the credential.
                told = error if isinstance(error, RefresherError) else unforeseen("the lock", error)
                event = Event(EventName.LOCK_FAILED, Severity.ERROR, name, detail=str(told))
                self._events.emit(replace(event, hint=told.hint))
            yield

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


def _narrowed(lease: Lease, source: Source) -> Lease:
    """Leave out registries that the settings no longer name: their places are not ours any more."""
    declared = _declared(source)
    if not declared:
        return lease
    return replace(lease, registries=tuple(each for each in lease.registries if each in declared))


def _declared(source: Source) -> tuple[str, ...]:
    provider = source.provider
    try:
        declared = provider.registries if isinstance(provider, Declares) else ()
        return tuple(canonical(each) for each in declared)
    except Exception:  # noqa: BLE001 - a plug-in's fault shows when it is asked
        return ()
