"""The Rancher sink on a thousand environments with ten registries each."""

import time
from collections.abc import Iterator
from typing import Final

from refresher.clock import SystemClock
from refresher.engine.engine import Engine, Pass
from refresher.ports import Tools
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


def writes() -> Result:
    """Compare a rotation with the time that the server itself takes for its calls, side by side."""
    with RancherDouble() as rancher:
        fill(rancher, _WRITES, len(_REGISTRIES))
        clock = SystemClock()
        sink = _sink(rancher)
        issuer = Issuer(clock, registries=_REGISTRIES)
        engine = Engine({"prod": issuer}, {"rancher": sink}, records=MemoryRecords(), clock=clock)
        rancher.fail(slow(_SERVER_SECONDS), times=None)
        begin = time.perf_counter()
        report = engine.run(seconds=600)
        spent = time.perf_counter() - begin
        if not report.ok:
            raise RuntimeError(report)
        own = sum(asked.seconds for asked in rancher.asked())
    ratio = spent * _CONCURRENCY / own
    return Result(
        f"rancher: rotation / the server's own time, {_CONCURRENCY} at once", ratio, 1.2, "x"
    )


def _sink(rancher: RancherDouble) -> RancherSink:
    key = rancher.admin_key()
    given = {"url": rancher.url, "environments": "all", "access_key": key.access}
    options = Options.model_validate(
        {**given, "secret_key_env": "SECRET", "concurrency": _CONCURRENCY}
    )
    return build(options, Tools(SystemClock(), MemoryStore(), {"SECRET": key.secret}))
