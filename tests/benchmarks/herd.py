"""Many routes that are due at once, some of which hang: how long until all others are served."""

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refresher.clock import SystemClock
from refresher.daemon import Daemon
from refresher.engine.engine import Engine
from refresher.model.credential import Credential
from refresher.ports import Event, EventName
from refresher.sinks.docker_config import DockerConfig
from refresher.sinks.privatefile import PrivateFile
from refresher.sinks.store import StoreSink
from refresher.store import open_store
from tests.benchmarks.report import Result
from tests.fakes import Issuer

_ANSWER: Final = 0.1
_PATIENCE: Final = 120.0
_MOST_AT_ONCE: Final = 32
_SINKS: Final = 2

_BUDGETS: Final = ((10, 0, 3.0), (100, 0, 8.0), (490, 10, 15.0), (1000, 0, 60.0))
"""Healthy routes, those that hang beside them, and the most seconds for the healthy ones."""


@dataclass(slots=True)
class _Service:
    """Answers each call after a tenth of a second; counts how many are under way at once."""

    calls: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, seconds: float) -> None:
        """Take one call."""
        with self.lock:
            self.calls += 1
            self.most = max(self.most, self.calls)
        self.released.wait(seconds)
        with self.lock:
            self.calls -= 1


class _Called(Issuer):
    """An issuer that asks a service; one that hangs does so until its deadline."""

    def __init__(self, name: str, service: _Service, *, hangs: bool) -> None:
        super().__init__(SystemClock(), registries=(f"{name}.example",))
        self.service = service
        self.hangs = hangs

    def fetch(self, deadline: float) -> Credential:
        """Ask, and mint."""
        self.service.answer(deadline if self.hangs else _ANSWER)
        return super().fetch(deadline)


class _Written:
    """Waits for so many writes."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = threading.Event()
        self.lock = threading.Lock()

    def emit(self, event: Event) -> None:
        """Count a write."""
        with self.lock:
            self.count -= event.name == EventName.WRITTEN
            if self.count <= 0:
                self.done.set()


def measure() -> Iterator[Result]:
    """Serve ever more routes from nothing, with a docker config, a store and records on disk."""
    for healthy, hanging, budget in _BUDGETS:
        seconds, most = _serve(healthy, hanging)
        name = f"{healthy + hanging} routes due at once"
        beside = f", {hanging} hang" if hanging else ""
        yield Result(f"{name}{beside}: all others served", seconds, budget, "s")
        if hanging:
            yield Result(f"{name}{beside}: calls at once", most, _MOST_AT_ONCE, "calls")


def _serve(healthy: int, hanging: int) -> tuple[float, int]:
    service, written = _Service(), _Written(healthy * _SINKS)
    # Those that hang come first: nobody knows yet that they do.
    names = {f"hanging-{number}": True for number in range(hanging)}
    names |= {f"healthy-{number}": False for number in range(healthy)}
    with tempfile.TemporaryDirectory() as folder:
        backend = open_store(str(Path(folder) / "refresher.db"))
        engine = Engine(
            {name: _Called(name, service, hangs=hangs) for name, hangs in names.items()},
            {
                "docker": DockerConfig(PrivateFile(Path(folder) / "config.json")),
                "store": StoreSink(backend.store, "default"),
            },
            records=backend.records,
            lock=backend.lock,
            events=written,
        )
        daemon = Daemon(engine)
        thread = threading.Thread(target=daemon.run)
        begin = time.perf_counter()
        thread.start()
        try:
            if not written.done.wait(_PATIENCE):
                raise TimeoutError("not every route was served")
            return time.perf_counter() - begin, service.most
        finally:
            service.released.set()
            daemon.stop()
            thread.join()
            backend.close()
