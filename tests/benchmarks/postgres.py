"""The store on a server on this host, beside the embedded one: figures without a budget."""

import math
import time
from collections.abc import Iterator
from typing import Final

from refresher.store import Backend, open_store
from tests.benchmarks.report import Result
from tests.doubles.postgres import PostgresServer, binaries

_ROUNDS: Final = 5
_REGISTRIES: Final = 100_000
_LOOK_UPS: Final = 1_000
_STRIDE: Final = 97
_FILL: Final = f"""
    INSERT INTO refresher.registry (environment_id, address)
        SELECT 1, 'registry-' || n || '.example' FROM generate_series(0, {_REGISTRIES - 1}) n;
    INSERT INTO refresher.credential (registry_id, added, username, secret, expires_at)
        SELECT id, 1, 'AWS', 'token', 'never' FROM refresher.registry;
    ANALYZE refresher.registry, refresher.credential"""  # noqa: S608 - a number


def measure() -> Iterator[Result]:
    """Measure what a one-shot and an image pull wait for, by TCP with TLS."""
    programs = binaries()
    if programs is None:
        return
    with PostgresServer(programs) as server:
        database = server.make_database()
        url = server.url(database)
        opened = [_read_lease(url) for _ in range(_ROUNDS)]
        yield Result("postgresql: open and read one lease", min(opened) * 1000, math.inf, "ms")
        server.sql(_FILL, database)
        backend = open_store(url)
        found = min(_find(backend) for _ in range(_ROUNDS))
        backend.close()
        name = f"postgresql: find one of {_REGISTRIES} registries"
        yield Result(name, found * 1000, math.inf, "ms")


def _read_lease(url: str) -> float:
    begin = time.perf_counter()
    backend = open_store(url)
    backend.records.lease("prod")
    spent = time.perf_counter() - begin
    backend.close()
    return spent


def _find(backend: Backend) -> float:
    begin = time.perf_counter()
    for number in range(_LOOK_UPS):
        host = f"registry-{number * _STRIDE % _REGISTRIES}.example"
        assert backend.store.find("default", host) is not None
    return (time.perf_counter() - begin) / _LOOK_UPS
