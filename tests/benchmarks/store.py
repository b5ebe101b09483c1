"""The embedded store: to open it, and to look up one registry of very many."""

import time
from pathlib import Path
from typing import Final

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.ports import StoredCredential
from refresher.store import open_store
from tests.benchmarks.report import Result

_ROUNDS: Final = 5
_REGISTRIES: Final = 100_000
_LOOK_UPS: Final = 1_000
_STRIDE: Final = 97  # Neighbours share a page: the next look-up is far away.


def open_and_read(directory: Path) -> Result:
    """Measure how long a one-shot waits for a lease, the best of a few."""
    location = str(directory / "records.db")
    backend = open_store(location)
    backend.records.save_lease("prod", Lease(username="AWS"))
    backend.close()
    best = min(_read_lease(location) for _ in range(_ROUNDS))
    return Result("store: open and read one lease", best * 1000, 10.0, "ms")


def look_up(directory: Path) -> Result:
    """Measure how long an image pull waits for the credential of its registry."""
    backend = open_store(str(directory / "registries.db"))
    credential = StoredCredential("AWS", Secret("token"))
    names = [f"registry-{number}.example" for number in range(_REGISTRIES)]
    backend.store.put("default", dict.fromkeys(names, credential))
    begin = time.perf_counter()
    for number in range(_LOOK_UPS):
        backend.store.find("default", names[number * _STRIDE % _REGISTRIES])
    spent = (time.perf_counter() - begin) / _LOOK_UPS
    backend.close()
    return Result(f"store: find one of {_REGISTRIES} registries", spent * 1000, 1.0, "ms")


def _read_lease(location: str) -> float:
    begin = time.perf_counter()
    backend = open_store(location)
    backend.records.lease("prod")
    spent = time.perf_counter() - begin
    backend.close()
    return spent
