"""One provider's renewal. A pass over it is a straight line.

    due?  ->  lock, look again  ->  fetch  ->  check  ->  read  ->  plan  ->  write  ->  record

It decides nothing by itself: the decisions are pure functions in `refresher.model`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refresher.engine.bookkeeping import discredited
from refresher.engine.fetching import Attempt, Fetcher
from refresher.engine.kit import Kit
from refresher.engine.report import Fetch, ProviderReport, Upcoming
from refresher.engine.rounds import Round
from refresher.engine.supply import Supply
from refresher.errors import LockTimeoutError, RefresherError, unforeseen
from refresher.model import schedule
from refresher.model.address import canonical
from refresher.model.credential import Credential
from refresher.model.lease import Lease, Origin, State
from refresher.ports import Event, EventName, Lock, Severity, Source

_HURRIED: Final = 3.0
"""How long the sinks may take, in seconds, when somebody waits for the secret itself."""


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


class Renewal:
    """Keeps the places of one provider supplied; `places` are the sinks that it feeds."""

    def __init__(self, name: str, source: Source, places: Round, kit: Kit, lock: Lock) -> None:
        """Take the parts; nothing is read or asked yet."""
        self.places = places
        self._name = name
        self._source = source
        self._kit = kit
        self._lock = lock
        self._fetcher = Fetcher(name, source, kit)
        self._untried = False
        self._told = False

    @property
    def declared(self) -> tuple[str, ...]:
        """The registries that the provider says it serves, in canonical form."""
        try:
            registries = getattr(self._source.provider, "registries", ())
            return tuple(map(canonical, registries))
        except Exception:  # noqa: BLE001 - a plug-in's fault shows when it is asked
            return ()

    def make(self, how: Pass) -> ProviderReport:
        """Make one pass. Raises `LockTimeoutError` and whatever a fault of ours raises."""
        if not how.repair:
            lease = self._lease()
            if not self._reason(lease, self._fetcher.origin(), how):
                return ProviderReport(self._name, lease, Fetch.NOT_DUE)
        with self._hold(how), self._kit.ledger.holding(self._name):
            # Once for the whole pass: a change that comes meanwhile is one for the next.
            origin = self._fetcher.origin()
            lease = self._lease()
            reason = self._reason(lease, origin, how)
            attempt = self._fetch(lease, how) if reason else None
            supply = self._supply(lease, how, attempt)
            if attempt is None and how.repair:
                reason = self._objection(supply, how)
            limit = _HURRIED if how.wanted else self._left(how)
            steps = self.places.deliver(supply, limit, patient=how.patient)
            # Told here, where all that it takes has been read.
            upcoming = self._upcoming(origin, asked=supply.attempt is not None)
        if supply.attempt is not None and not reason:
            reason = "a place needs the secret, and it is nowhere at hand"
        last = supply.attempt or Attempt(supply.lease, Fetch.NOT_DUE)
        return ProviderReport(
            self._name,
            last.lease,
            last.fetch,
            reason or "",
            last.error,
            steps,
            before=self._first_time(lease),
            upcoming=upcoming,
        )

    def _first_time(self, lease: Lease) -> Lease:
        """Return the lease; in this process's first pass without objections, so they are told."""
        told, self._told = self._told, True
        return lease if told else replace(lease, objections=())

    def plan(self) -> ProviderReport:
        """Tell what an impatient pass would do, reading the sinks and asking no provider."""
        lease = self._lease()
        reason = self._fetcher.due(lease, self._fetcher.origin(), patient=False)
        wanted = Lease(self.declared or lease.registries) if reason else lease
        fetch = Fetch.WOULD_FETCH if reason else Fetch.NOT_DUE
        steps = self.places.plan(wanted)
        return ProviderReport(self._name, lease, fetch, reason or "", steps=steps, before=lease)

    def upcoming(self) -> Upcoming:
        """Return what calls for the next pass. Drift is no part of it: see `Engine.upcoming`."""
        return self._upcoming(self._fetcher.origin())

    def _upcoming(self, origin: Origin, *, asked: bool = True) -> Upcoming:
        lease, now = self._lease(), self._kit.clock.now()
        # A pass that has not `asked` found nothing due, and that has not changed since.
        due = asked and self._fetcher.due(lease, origin, patient=True)
        return Upcoming(now if due else self._wake_at(lease, now), origin.inputs)

    def _wake_at(self, lease: Lease, now: datetime) -> datetime | None:
        lease = self._fetcher.as_now(lease)
        moments = [lease.wake_at()]
        if lease.alive(now):
            places = self._kit.ledger.deliveries(self._name).items()
            moments += [
                each.failure.retry_at if each.failure.holds(now) else now
                for (sink, _, _), each in places
                if each.failure is not None and sink in self.places.sinks
            ]
        return min((moment for moment in moments if moment is not None), default=None)

    def inputs(self) -> str:
        """Return a digest of the provider's input files; it changes when one of them does."""
        return self._fetcher.origin().inputs

    def serves(self, registry: str) -> bool:
        """Tell whether the provider serves `registry`, as far as it is known."""
        return registry in (self.declared or self._lease().registries)

    def is_alive(self) -> bool:
        """Tell whether the credential can be presented as good."""
        return self._lease().alive(self._kit.clock.now())

    def find(self) -> Credential | None:
        """Return the credential in use if it is at hand, asking no provider."""
        return self._supply(self._lease(), Pass()).find()

    def _reason(self, lease: Lease, origin: Origin, how: Pass) -> str | None:
        due = self._fetcher.due(lease, origin, patient=how.patient)
        if due or not how.wanted or (how.patient and lease.held_up(self._kit.clock.now())):
            return due
        if self._supply(lease, how).find():
            return None
        return "its secret is asked for and nowhere at hand"

    def _objection(self, supply: Supply, how: Pass) -> str:
        """Try the credential in use at its registries, and fetch once if one refuses it.

        Returns the reason of the fetch, an empty text where there was none.
        """
        if self._source.verifier is None and not supply.lease.objections:
            return ""
        lease, now = self._lease(), self._kit.clock.now()
        credential = None
        if self._source.verifier is not None:
            waits = how.patient and (lease.held_up(now) or self._fetcher.tried_lately())
            if waits or not lease.alive(now):
                return ""
            credential = supply.find()
            if credential is None:
                self._tell_untried()
                return ""
        registries = supply.lease.registries
        lease = self._fetcher.try_again(lease, registries, credential, self._left(how))
        supply.lease = self._narrowed(lease)
        if not lease.refused or lease.held_up(now):
            return ""
        supply.take(self._fetch(lease, how))
        return f"{lease.refused[0]} refuses it"

    def _tell_untried(self) -> None:
        """Tell, once, that the credential in use can't be tried before it is renewed."""
        if not self._untried:
            self._untried = True
            detail = "the credential in use is nowhere at hand, and is not tried at its registries"
            event = Event(EventName.UNVERIFIED, Severity.WARNING, self._name, detail=detail)
            self._kit.events.emit(event)

    def _fetch(self, lease: Lease, how: Pass) -> Attempt:
        attempt = self._fetcher.fetch(
            lease, self._left(how), lambda: self._supply(lease, how).find()
        )
        if attempt.fetch is Fetch.FETCHED and lease.refused:
            gone = discredited(self._kit.ledger.deliveries(self._name), lease)
            if gone:
                self._kit.ledger.save_deliveries(self._name, gone)
        return replace(attempt, lease=self._narrowed(attempt.lease))

    def _supply(self, lease: Lease, how: Pass, attempt: Attempt | None = None) -> Supply:
        def fetch() -> Attempt:
            if how.patient and lease.held_up(self._kit.clock.now()):
                return Attempt(lease, Fetch.NOT_DUE)
            return self._fetch(lease, how)

        wanted = self._narrowed(lease if attempt is None else attempt.lease)
        return Supply(
            wanted,
            self._fetcher.remembered(wanted),
            attempt=attempt,
            look=lambda: self.places.look(wanted),
            fetch=fetch,
            fingerprint=self._kit.ledger.fingerprint,
            lock=self._kit.workers.mutex(),
        )

    def _narrowed(self, lease: Lease) -> Lease:
        """Leave out registries that the settings no longer name: their places are not ours now."""
        declared = self.declared
        if not declared or all(each in declared for each in lease.registries):
            return lease
        return replace(
            lease, registries=tuple(each for each in lease.registries if each in declared)
        )

    def _lease(self) -> Lease:
        return self._kit.ledger.lease(self._name)

    def _left(self, how: Pass) -> float:
        return max(how.end - self._kit.clock.monotonic(), 0.0)

    @contextmanager
    def _hold(self, how: Pass) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock.hold(self._name, 0.0))
            except LockTimeoutError:
                self._wait_for_lock(stack, how)
            except Exception as error:  # noqa: BLE001 - no run at all costs the credential
                self._tell_lock(error)
            yield

    def _wait_for_lock(self, stack: ExitStack, how: Pass) -> None:
        wait, can_wait = min(how.lock_wait, self._left(how)), True
        if how.patient:
            lease, now = self._lease(), self._kit.clock.now()
            wait = min(wait, schedule.lock_patience(lease.remaining(now)))
            can_wait = lease.state(now) is State.FRESH
        try:
            stack.enter_context(self._lock.hold(self._name, wait))
        except Exception as error:
            if can_wait and isinstance(error, LockTimeoutError):
                raise
            # Two runs at once cost one call too many; no run at all costs the credential.
            self._tell_lock(error)

    def _tell_lock(self, error: Exception) -> None:
        told = error if isinstance(error, RefresherError) else unforeseen("the lock", error)
        self._kit.events.emit(
            Event(
                EventName.LOCK_FAILED,
                Severity.ERROR,
                self._name,
                detail=str(told),
                hint=told.hint,
            )
        )
