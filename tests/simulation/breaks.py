"""The mistakes that `mutations` puts into the product: each takes what it is put for."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from refresher.daemon.agenda import Agenda
from refresher.engine.ledger import Ledger
from refresher.model import plan as plans
from refresher.model import schedule
from refresher.model.lease import Lease
from refresher.model.plan import Keep, Update
from refresher.store.memory import MemoryRecords

_YEAR: Final = 31_557_600.0


def constant(value: object) -> Callable[[Any], Any]:
    """Return what replaces a constant."""
    return lambda _whole: value


def ignoring_expiry(_whole: Any) -> Any:
    """Renew at a fixed interval."""

    def renew_at(lease: Lease, received: datetime, *_: object) -> datetime:
        del lease
        return schedule.after(received, 6 * 3600)

    return renew_at


def success_interval_after_failure(_whole: Any) -> Any:
    """Try again as late as after a success."""

    def retry_after(attempts: int, remaining: float, draw: float, **_: object) -> float:
        del attempts, draw
        return min(max(remaining / 2, 600.0), schedule.LONGEST_RETRY)

    return retry_after


def unbounded_retry(_whole: Any) -> Any:
    """Back off without regard to what is left."""

    def retry_after(attempts: int, _remaining: float, draw: float, **_: object) -> float:
        return min(max(draw * 2.0 * 2.0 ** min(attempts, 16), 1.0), 300.0)

    return retry_after


def obedient(_whole: Any) -> Any:
    """Wait for as long as the other side asks."""

    def retry_after(*_: object, asked: float | None = None, **__: object) -> float:
        return asked or 1.0

    return retry_after


def giving_up(whole: Any) -> Any:
    """Stop after five attempts."""

    def due(lease: Lease, *rest: Any, **named: Any) -> Any:
        tired = lease.failure is not None and lease.failure.attempts > 5
        return None if tired else whole(lease, *rest, **named)

    return due


def hot(_whole: Any) -> Any:
    """Try again at once."""
    return lambda *_, **__: 0.2


def wall_clock_only(_whole: Any) -> Any:
    """Know no age."""
    return lambda *_, **__: None


def monotonic_only(whole: Any) -> Any:
    """Believe the age alone, and in a new process nothing."""

    def renewal_reason(lease: Lease, now: datetime, age: float | None) -> Any:
        if age is None or lease.received is None:
            return whole(lease, now, age) if lease.fingerprint is None else None
        return whole(lease, schedule.after(lease.received, age), age)

    return renewal_reason


def forgetting_runs(whole: Any) -> Any:
    """Plan nothing after a failed pass."""

    def finish(self: Agenda, name: str, *rest: Any, **named: Any) -> None:
        whole(self, name, *rest, **named)
        entry = self._entries.get(name)
        if entry is not None and named.get("failed"):
            self._put(entry, _YEAR)

    return finish


def dropping_late_runs(whole: Any) -> Any:
    """Drop a run that is a second late, as a misfire grace does."""

    def ask(self: Agenda, name: str) -> None:
        entry = self._entries.get(name)
        if entry is not None and self._clock.monotonic() - entry.steady > 1.0:
            self._put(entry, _YEAR)
            return
        whole(self, name)

    return ask


def one_at_a_time(whole: Any) -> Any:
    """Begin no pass beside another."""

    def begin(self: Agenda) -> Any:
        return None if self._running else whole(self)

    return begin


def rewriting(whole: Any) -> Any:
    """Write what is there already."""

    def decide(*args: Any) -> Any:
        action = whole(*args)
        return Update() if action == Keep() else action

    return decide


def blind_to_drift(whole: Any) -> Any:
    """Believe the records, and not what is held."""

    def decide(held: Any, wanted: Lease, delivered: Any, *rest: Any) -> Any:
        if wanted.fingerprint is not None and delivered.fingerprint == wanted.fingerprint:
            return Keep()
        return whole(held, wanted, delivered, *rest)

    return decide


def never_trying_again(whole: Any) -> Any:
    """Never write again where it failed once."""

    def or_wait(action: Any, delivered: Any, now: datetime) -> Any:
        if delivered.failure is not None and isinstance(action, Update):
            return plans.Wait("it failed once")
        return whole(action, delivered, now)

    return or_wait


def forgetting_failures(whole: Any) -> Any:
    """Record no failure of a delivery."""

    def book(step: Any, before: Any, *rest: Any) -> Any:
        return dataclasses.replace(whole(step, before, *rest), failure=None)

    return book


def accepting_the_dead(whole: Any) -> Any:
    """Take a credential that has ended."""

    def accept(credential: Any, fingerprint: bytes, *, received: datetime, **named: Any) -> Any:
        end = credential.expires_at
        if isinstance(end, datetime) and end < received:
            later = schedule.after(received, 600)
            credential = dataclasses.replace(credential, expires_at=later)
        return whole(credential, fingerprint, received=received, **named)

    return accept


def ignoring_skew(_whole: Any) -> Any:
    """Believe the wall clock, whatever the answer says."""
    return lambda *_: 0.0


def worse_for_better(whole: Any) -> Any:
    """Keep the older credential for the newer one."""

    def save_lease(self: Ledger, provider: str, lease: Lease) -> None:
        kept = self._leases.get(provider)
        if kept is not None and kept.fingerprint not in (None, lease.fingerprint):
            # A result that came late undoes a newer one.
            lease = dataclasses.replace(kept, renew_at=lease.renew_at, expires=lease.expires)
        whole(self, provider, lease)

    return save_lease


def without_lock(_whole: Any) -> Any:
    """Hold no lock."""

    @contextmanager
    def hold(self: object, wait: float) -> Iterator[None]:
        del self, wait
        yield

    return hold


def without_second_look(whole: Any) -> Any:
    """Decide before the lock, and not again."""

    def make(self: Any, how: Any) -> Any:
        before = self._lease()
        reason = self._fetcher.due(before, self._fetcher.origin(), patient=how.patient)
        look, asked = self._fetcher.due, []

        def due(lease: Any, origin: Any, **how: Any) -> Any:
            asked.append(1)
            return reason if len(asked) == 1 else look(lease, origin, **how)

        self._fetcher.due = due
        try:
            return whole(self, how)
        finally:
            del self._fetcher.due

    return make


def fetching_per_target(whole: Any) -> Any:
    """Fetch for each place."""

    def get(self: Any, held: Mapping[str, Any]) -> Any:
        self._take(self._fetch())
        return whole(self, held)

    return get


def records_in_memory(_whole: Any) -> Any:
    """Keep no lease in the records."""

    def save_lease(self: MemoryRecords, provider: str, lease: Lease) -> None:
        """Lose it."""
        del self, provider, lease

    return save_lease
