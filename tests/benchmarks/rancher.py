"""The Rancher sink on a thousand environments with ten registries each."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from refresher.clock import SystemClock
from refresher.engine.engine import Engine, Pass
from refresher.model.credential import NEVER, Credential, Secret
from refresher.ports import Change, Tools, Written
from refresher.sinks.rancher import Options, RancherSink, build
from refresher.store.memory import MemoryRecords, MemoryStore
from tests.benchmarks.report import Result
from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.__main__ import fill
from tests.doubles.rancher.faults import slow
from tests.fakes import Issuer

_ENVIRONMENTS: Final = 1000
_REGISTRIES: Final = tuple(f"registry-{number}.example" for number in range(10))
_CONCURRENCY: Final = 4
_SERVER_SECONDS: Final = 0.05
"""A call at Cattle takes about as long."""
_WRITES: Final = 40


def passes() -> Iterator[Result]:
    """Rotate everything, then pass over it unchanged; count what the server and the issuer see."""
    with RancherDouble() as rancher:
        fill(rancher, _ENVIRONMENTS, len(_REGISTRIES))
        clock = SystemClock()
        issuer = Issuer(clock, registries=_REGISTRIES)
        sink = _sink(rancher)
        engine = Engine({"prod": issuer}, {"rancher": sink}, records=MemoryRecords(), clock=clock)
        left = _rotated(engine, rancher)
        yield Result("rancher: rotation of 10,000 credentials", issuer.calls, 1, "token calls")
        yield Result("rancher: credentials that were left out", left, 0, "credentials")
        rancher.forget()
        engine.run(how=Pass())
        lists = sum(asked.method == "GET" and not asked.id for asked in rancher.asked())
        most = 2 * _ENVIRONMENTS + 1
        others = len(rancher.asked()) - lists
        yield Result("rancher: unchanged pass, 1,000 environments", lists, most, "list calls")
        yield Result("rancher: unchanged pass, all other calls", others, 0, "calls")


def _rotated(engine: Engine, rancher: RancherDouble) -> int:
    engine.run(seconds=600)
    total = _ENVIRONMENTS * len(_REGISTRIES)
    rows = (rancher.credential(f"1c{number}") for number in range(1, total + 1))
    return sum(row.fields["secretValue"] != "secret-number-1" for row in rows)


def one_write() -> Result:
    """Compare a write with the time that the server itself takes for its calls, side by side."""
    with RancherDouble() as rancher:
        fill(rancher, _WRITES + _CONCURRENCY, len(_REGISTRIES))
        sink = _sink(rancher)
        sink.read(_REGISTRIES)
        targets = [f"1a{number}" for number in range(5, 5 + _WRITES + _CONCURRENCY)]
        rancher.fail(slow(_SERVER_SECONDS), times=None)
        with ThreadPoolExecutor(_CONCURRENCY) as pool:
            # Connections are made first.
            list(pool.map(lambda target: _write(sink, target), targets[_WRITES:]))
            rancher.forget()
            walls = dict(pool.map(lambda target: _write(sink, target), targets[:_WRITES]))
        own = dict.fromkeys(walls, 0.0)
        for asked in rancher.asked():
            own[asked.project] += asked.seconds
    ratio = statistics.median(walls[target] / own[target] for target in walls)
    return Result(
        f"rancher: a write / the server's own time, {_CONCURRENCY} at once", ratio, 1.2, "x"
    )


def _write(sink: RancherSink, target: str) -> tuple[str, float]:
    credential = Credential(
        _REGISTRIES, "AWS", Secret("new"), issued_at=datetime.now(UTC), expires_at=NEVER
    )
    begin = time.perf_counter()
    outcome = sink.write(target, [Change(registry, credential) for registry in _REGISTRIES])
    spent = time.perf_counter() - begin
    if not isinstance(outcome, Written):
        raise TypeError(f"the benchmark could not write: {outcome}")
    return target, spent


def _sink(rancher: RancherDouble) -> RancherSink:
    key = rancher.admin_key()
    given = {"url": rancher.url, "environments": "all", "access_key": key.access}
    options = Options.model_validate({**given, "secret_key_env": "SECRET"})
    return build(options, Tools(SystemClock(), MemoryStore(), {"SECRET": key.secret}))
