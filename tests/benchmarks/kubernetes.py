"""The Kubernetes sink on a thousand namespaces that all change, beside the usual loop.

The server is a process of its own, so that its time is not the client's; so is each client, so
that its memory is its own. `python -m tests.benchmarks.kubernetes` prints the growth up to 5,000.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests

from refresher.clock import SystemClock
from refresher.engine.engine import Engine
from refresher.model.credential import Credential
from refresher.ports import Tools
from refresher.sinks.kubernetes import KubernetesSink, Options, build
from refresher.store.memory import MemoryRecords, MemoryStore
from tests.benchmarks.report import Result
from tests.doubles.kubernetes import KubernetesDouble
from tests.fakes import Issuer

NAMESPACES: Final = 1_000
GROWTH: Final = (100, 1_000, 5_000)
_REGISTRY: Final = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
_TOKEN: Final = "x" * 1_900
"""ECR's tokens are about as long; a Secret with one has 7 KB."""
_MIB: Final = 1_024
_ANY: Final = float("inf")
"""Seconds say as much of the host as of the product: what is judged is the ratio in one run."""
_HALF_A_LIFE: Final = 7 * 3_600.0


class _Clock(SystemClock):
    """The clock of this host, moved on between two passes."""

    ahead = 0.0

    def now(self) -> datetime:
        """Return the wall clock."""
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return super().monotonic() + self.ahead


class _Ecr(Issuer):
    """Issues tokens of the length of ECR's."""

    def mint(self, text: str | None = None) -> Credential:
        """Return a new credential that starts now."""
        return super().mint(text or f"{_TOKEN}{self.calls}")


def passes() -> Iterator[Result]:
    """Rotate everything, pass over it unchanged, and compare with the usual loop."""
    found = measured(NAMESPACES)
    named = f"kubernetes: {NAMESPACES:,} namespaces"
    yield Result(f"{named} change (goal: 1.3)", found["wall"], _ANY, "s")
    yield Result(f"{named} change, the client's own time (goal: 0.8)", found["cpu"], _ANY, "s")
    yield Result(f"{named} change", found["calls"], 1, "token calls")
    yield Result(f"{named}, most memory", found["rss"], 100, "MiB")
    yield Result(f"{named}, unchanged (goal: 0.3)", found["unchanged"], _ANY, "s")
    usual = found["wall"] / found["loop"]
    yield Result(f"{named}: wall time / GET and PUT in a row", usual, 0.8, "x")
    yield from requests_sent()


def requests_sent() -> Iterator[Result]:
    """Count what the server sees."""
    with KubernetesDouble() as kube, tempfile.TemporaryDirectory() as folder:
        for number in range(NAMESPACES):
            kube.add_namespace(f"team-{number}")
        kubeconfig = kube.kubeconfig(Path(folder) / "config", kube.admin())
        clock = _Clock()
        engine, _ = _engine(kubeconfig, clock)
        _run(engine)
        kube.forget()
        clock.ahead = _HALF_A_LIFE
        _run(engine)
        lists = len(kube.asked(verb="list"))
        named = "kubernetes: a rotation"
        yield Result(
            f"{named}, calls but for lists", len(kube.asked()) - lists, NAMESPACES, "calls"
        )
        yield Result(f"{named}, lists", lists, 2 * -(-NAMESPACES // 500) + 1, "calls")
        kube.forget()
        _run(engine)
        others = len(kube.asked()) - len(kube.asked(verb="list"))
        yield Result("kubernetes: an unchanged pass, calls but for lists", others, 0, "calls")


def measured(namespaces: int) -> Mapping[str, float]:
    """Return what a client process measures over so many namespaces."""
    with served(namespaces) as ready:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.kubernetes", "--ready-file", str(ready)],
            capture_output=True,
            text=True,
            check=True,
        )
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


@contextmanager
def served(namespaces: int) -> Iterator[Path]:
    """Serve a cluster in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        words = ["--ready-file", str(ready), "--namespaces", str(namespaces)]
        command = [sys.executable, "-m", "tests.doubles.kubernetes", *words]
        process = subprocess.Popen(command)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(process.returncode)
                time.sleep(0.02)
            yield ready
        finally:
            process.kill()
            process.wait()


def _peak() -> float:
    """Return the most memory of this program; getrusage counts that of its parent before exec."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / _MIB if found else 0.0


def client(ready: Path) -> Mapping[str, float]:
    """Measure in this process: the first time, a rotation, an unchanged pass, the usual loop."""
    told = json.loads(ready.read_text())
    clock = _Clock()
    engine, issuer = _engine(Path(told["kubeconfig"]), clock)
    _run(engine)
    clock.ahead = _HALF_A_LIFE
    wall, cpu = _run(engine)
    calls = issuer.calls - 1
    unchanged, _ = _run(engine)
    rss = _peak()
    loop, _ = _loop(told["url"], told["token"])
    return {
        "wall": wall,
        "cpu": cpu,
        "calls": calls,
        "unchanged": unchanged,
        "rss": rss,
        "loop": loop,
    }


def _engine(kubeconfig: Path, clock: _Clock) -> tuple[Engine, Issuer]:
    issuer = _Ecr(clock, registries=(_REGISTRY,))
    options = Options.model_validate({"kubeconfig": str(kubeconfig), "namespaces": ["team-*"]})
    sink: KubernetesSink = build(options, Tools(clock, MemoryStore()))
    engine = Engine({"prod": issuer}, {"kubernetes": sink}, records=MemoryRecords(), clock=clock)
    return engine, issuer


def _run(engine: Engine) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    report = engine.run(seconds=600)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    if not report.ok:
        raise RuntimeError(report)
    return spent


def _loop(url: str, token: str) -> tuple[float, float]:
    """Do what most tools do: GET and PUT, one namespace after the other."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    listed = session.get(f"{url}/api/v1/namespaces").json()["items"]
    names = [each["metadata"]["name"] for each in listed]
    value = base64.b64encode(b'{"auths":{}}').decode()
    wall, cpu = time.perf_counter(), time.process_time()
    for name in names:
        if name.startswith("team-"):
            target = f"{url}/api/v1/namespaces/{name}/secrets/refresher"
            body: dict[str, Any] = session.get(target).json()
            body["data"][".dockerconfigjson"] = value
            session.put(target, json=body).raise_for_status()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Measure as a client of a server that is there, or print the growth."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kubernetes")
    parser.add_argument("--ready-file", type=Path)
    ready = parser.parse_args().ready_file
    if ready is not None:
        sys.stdout.write(json.dumps(client(ready)))
        return
    for namespaces in GROWTH:
        found = measured(namespaces)
        figures = ", ".join(f"{name} {figure:.3g}" for name, figure in found.items())
        sys.stdout.write(f"{namespaces:>6,}: {figures}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
