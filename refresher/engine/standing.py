"""How every place stands: the records side by side, as rows for a person or a health check."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.model.credential import Expiry
from refresher.model.lease import Lease, State
from refresher.model.plan import Delivery
from refresher.ports import Place, Records

FAILING: Final = "failing"
"""The state of a place whose last write did not succeed, that no client would read, or whose
credential has no known end and can't be fetched again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one registry at one target stands; `target` is empty before the first delivery.

    `state` is a `State`, or `FAILING`.
    """

    provider: str
    registry: str
    sink: str
    target: str
    state: str
    issued: datetime | None
    expires: Expiry
    renew_at: datetime | None
    error: str = ""

    @property
    def healthy(self) -> bool:
        """Tell whether nobody has to act: neither urgent nor dead, failing or never obtained."""
        if self.state in {State.URGENT, State.DEAD, FAILING}:
            return False
        return not (self.state == State.PENDING and self.error)


def standings(
    records: Records, now: datetime, configured: Mapping[str, Collection[str]] | None = None
) -> list[Standing]:
    """Return the standing of every place that is recorded.

    With `configured`, the sinks that each provider feeds, only those count, and
    providers that have no record yet.
    """
    leases = records.leases()
    names = list(leases) if configured is None else list(configured)
    return [
        standing
        for name in names
        for standing in _of_provider(name, leases.get(name, Lease()), records, now)
        if configured is None or not standing.sink or standing.sink in configured[name]
    ]


def _of_provider(name: str, lease: Lease, records: Records, now: datetime) -> Iterable[Standing]:
    deliveries = records.deliveries(name)
    current = {place: each for place, each in deliveries.items() if place[2] in lease.registries}
    if not current:
        error = lease.failure.message if lease.failure else ""
        for registry in lease.registries or ("",):
            yield _row(
                name,
                ("", "", registry),
                lease,
                state=lease.state(now),
                expires=lease.expires,
                error=error,
            )
    for place, delivery in current.items():
        yield _of_place(name, place, lease, delivery, now)


def _of_place(name: str, place: Place, lease: Lease, delivery: Delivery, now: datetime) -> Standing:
    current = delivery.fingerprint == lease.fingerprint
    # A place that still holds an earlier credential, or none, stands by that one's own end.
    held = lease if current else _held(delivery, place)
    state: str = held.state(now)
    # A credential of unknown end never becomes urgent: its provider's failure has to tell.
    endless = lease.failure is not None and not isinstance(held.expires, datetime)
    if (delivery.failure is not None or endless) and state not in {State.URGENT, State.DEAD}:
        state = FAILING
    failure = delivery.failure or lease.failure
    error = failure.message if failure else ""
    return _row(name, place, lease, state=state, expires=held.expires, error=error)


def _held(delivery: Delivery, place: Place) -> Lease:
    return Lease(
        registries=(place[2],),
        fingerprint=delivery.fingerprint,
        received=delivery.written,
        expires=delivery.expires,
    )


def _row(
    name: str, place: Place, lease: Lease, *, state: str, expires: Expiry, error: str
) -> Standing:
    sink, target, registry = place
    wake = lease.wake_at()
    return Standing(name, registry, sink, target, state, lease.issued, expires, wake, error)
