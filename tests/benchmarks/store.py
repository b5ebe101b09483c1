"""The embedded store: to open it, and to look up one registry or image of very many."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.ports import StoredCredential
from refresher.ports.registries import Resolved
from refresher.store import Backend, open_store
from tests.benchmarks.report import Result

_ROUNDS: Final = 5
_FEWER: Final = 10_000
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


def look_up(directory: Path) -> Iterator[Result]:
    """Measure how long an image pull waits for its credential, among few registries and many."""
    spent = {}
    for count in (_FEWER, _REGISTRIES):
        backend = _filled(directory / f"{count}.db", count)
        spent[count] = _best(partial(_resolve, backend), count)
        yield Result(f"store: resolve one image among {count}", spent[count] * 1000, 1.0, "ms")
        if count == _REGISTRIES:
            found = _best(partial(_find, backend), count)
            yield Result(f"store: find one of {count} registries", found * 1000, 1.0, "ms")
        backend.close()
    # A look-up by an index takes 1.25 times as long (the ratio of the logarithms), a scan 10 times.
    ratio = spent[_REGISTRIES] / spent[_FEWER]
    yield Result(f"store: resolve among {_REGISTRIES}, to {_FEWER}", ratio, 2.0, "x")


def _filled(path: Path, count: int) -> Backend:
    backend = open_store(str(path))
    credential = StoredCredential("AWS", Secret("token"))
    backend.store.put("default", {_host(number): credential for number in range(count)})
    return backend


def _host(number: int) -> str:
    return f"registry-{number}.example"


def _best(look: Callable[[str], None], count: int) -> float:
    return min(_mean(look, count) for _ in range(_ROUNDS))


def _mean(look: Callable[[str], None], count: int) -> float:
    begin = time.perf_counter()
    for number in range(_LOOK_UPS):
        look(_host(number * _STRIDE % count))
    return (time.perf_counter() - begin) / _LOOK_UPS


def _resolve(backend: Backend, host: str) -> None:
    page = backend.registries
    assert page is not None
    answer = page.resolve(f"{host}/team/app:1.0", "default", datetime.now(UTC))
    assert isinstance(answer, Resolved)


def _find(backend: Backend, host: str) -> None:
    assert backend.store.find("default", host) is not None


def _read_lease(location: str) -> float:
    begin = time.perf_counter()
    backend = open_store(location)
    backend.records.lease("prod")
    spent = time.perf_counter() - begin
    backend.close()
    return spent
