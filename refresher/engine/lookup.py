"""The credential of one registry: from a provider, else from the registry store."""

from datetime import UTC, datetime

from refresher.engine.engine import Engine
from refresher.model.address import canonical
from refresher.model.credential import Credential
from refresher.ports import Clock, Store, StoredCredential


def look_up(
    engine: Engine, store: Store, environment: str, registry: str, clock: Clock
) -> Credential | StoredCredential | str:
    """Return a live credential for `registry`, or the reason why there is none.

    One that has ended is never presented as good. Raises `PermanentError` if
    `registry` is no address.
    """
    served = engine.get(registry)
    if served is not None:
        return served
    address = canonical(registry)
    stored = store.find(environment, address)
    if stored is None:
        obstacles = store.obstacles(environment, (address,))
        nobody = f"neither a provider nor the store (environment {environment}) serves {address}"
        return "; ".join((nobody, *obstacles.values()))
    end = stored.expires_at
    if isinstance(end, datetime) and end <= clock.now():
        return f"the credential for {address} ended at {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return stored
