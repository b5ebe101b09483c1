"""How every place stands: the records side by side, as rows for a person or a health check."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from refresher.model.credential import Expiry
from refresher.model.lease import Lease, State
from refresher.model.plan import Delivery
from refresher.model.standing import FAILING, Standing, Survey
from refresher.ports import Place, Records


class Recorded(Protocol):
    """Records to look at, or what bridges an outage of them."""

    def lease(self, provider: str) -> Lease:
        """See `refresher.ports.Records`."""
        ...

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """See `refresher.ports.Records`."""
        ...


def standings(
    records: Records, now: datetime, configured: Mapping[str, Collection[str]] | None = None
) -> list[Standing]:
    """Return the standing of every place that is recorded.

    With `configured`, the sinks that each provider feeds, only those count, and
    what has no record yet counts too.
    """
    fed = dict.fromkeys(records.leases()) if configured is None else configured
    return list(survey(records, now, fed).places)


def survey(
    records: Recorded,
    now: datetime,
    fed: Mapping[str, Collection[str] | None],
    declared: Mapping[str, Collection[str]] | None = None,
) -> Survey:
    """Return how all providers in `fed`, and their places, stand at `now`.

    `fed` are the sinks that each provider feeds, None for those that are
    recorded. `declared` are the registries that a provider knows it will serve.
    """
    leases = {name: records.lease(name) for name in fed}
    places: list[Standing] = []
    for name, sinks in fed.items():
        registries = tuple((declared or {}).get(name, ())) or leases[name].registries
        known = _known(records.deliveries(name), registries, sinks)
        if leases[name].fingerprint is not None:
            known |= _missing(known, registries, sinks or ())
        places += _of_provider(name, leases[name], known, registries, now)
    return Survey(now, leases, tuple(places))


def _known(
    deliveries: Mapping[Place, Delivery],
    registries: Collection[str],
    sinks: Collection[str] | None,
) -> dict[Place, Delivery]:
    """Leave out what is recorded of sinks and registries that are gone from the settings."""
    return {
        place: delivery
        for place, delivery in deliveries.items()
        if place[2] in registries and (sinks is None or place[0] in sinks)
    }


def _missing(
    known: Iterable[Place], registries: Iterable[str], sinks: Iterable[str]
) -> dict[Place, Delivery]:
    """Return what stands for sinks of which nothing is recorded: they are still to be supplied."""
    supplied = {(sink, registry) for sink, _, registry in known}
    wanted = ((sink, "", registry) for sink in sinks for registry in registries)
    return {place: Delivery() for place in wanted if (place[0], place[2]) not in supplied}


def _of_provider(
    name: str,
    lease: Lease,
    known: Mapping[Place, Delivery],
    registries: Collection[str],
    now: datetime,
) -> Iterable[Standing]:
    if known:
        return [_of_place(name, place, lease, each, now) for place, each in known.items()]
    error = lease.failure.message if lease.failure else ""
    state = lease.state(now)
    return [
        _row(name, ("", "", registry), lease, state=state, expires=lease.expires, error=error)
        for registry in registries or ("",)
    ]


def _of_place(name: str, place: Place, lease: Lease, delivery: Delivery, now: datetime) -> Standing:
    current = delivery.fingerprint == lease.fingerprint
    # A place that still holds an earlier credential, or none, stands by that one's own end.
    held = lease if current else _held(delivery, place)
    state: str = held.state(now)
    # A credential of unknown end never becomes urgent: its provider's failure has to tell.
    endless = lease.failure is not None and not isinstance(held.expires, datetime)
    objections = [each.reason for each in lease.objections if current and each.registry == place[2]]
    failing = delivery.failure is not None or endless or objections
    if failing and state not in {State.URGENT, State.DEAD}:
        state = FAILING
    failure = delivery.failure or lease.failure
    error = failure.message if failure else "; ".join(objections)
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
