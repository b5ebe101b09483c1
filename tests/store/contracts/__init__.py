"""What every store, every registry page, every keeper of records and every lock must do.

Inherit a class and supply its `make_...`, which is called once per test.
"""

from tests.store.contracts.credentials import CredentialsContract
from tests.store.contracts.environments import EnvironmentsContract
from tests.store.contracts.lock import LockContract
from tests.store.contracts.records import RecordsContract
from tests.store.contracts.registries import RegistriesPageContract
from tests.store.contracts.resolving import ResolvingContract
from tests.store.contracts.samples import (
    CREDENTIALS,
    DELIVERIES,
    FAILURE,
    INDIA,
    LEASES,
    NOW,
    REGISTRY,
    named,
)
from tests.store.contracts.store import StoreContract


class RegistriesContract(
    EnvironmentsContract, RegistriesPageContract, CredentialsContract, ResolvingContract
):
    """The registry page. `make_backend` returns an empty backend that has one."""


__all__ = [
    "CREDENTIALS",
    "DELIVERIES",
    "FAILURE",
    "INDIA",
    "LEASES",
    "NOW",
    "REGISTRY",
    "LockContract",
    "RecordsContract",
    "RegistriesContract",
    "StoreContract",
    "named",
]
