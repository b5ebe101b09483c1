"""Daemons at rest: what it costs to wait for the next renewal, and how that grows.

They stand side by side: each needs next to nothing, and its figures are its own.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.once import SETTINGS, endpoint, installed
from tests.benchmarks.report import Result
from tests.doubles.aws import environment, without_aws

SECONDS: Final = 60.0
_PATIENCE: Final = 300.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")

_MEMORY: Final = {1: 70.0, 10: 75.0, 100: 85.0, 1000: 110.0}
_WAKES: Final = 15.0
_PROCESSOR: Final = 0.1
_WAKES_OF_A_ROUTE: Final = 2.2
_PROCESSOR_OF_A_ROUTE: Final = 0.003
"""What each further route may add: a look for drift every five minutes, and one at its files every
ten seconds."""


@dataclass(frozen=True, slots=True)
class _Daemon:
    """A daemon of so many routes, each from a provider of its own to two sinks."""

    routes: int
    directory: Path
    process: subprocess.Popen[bytes]

    def wait_until_served(self) -> None:
        """Wait until every route has its credential."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if _entries(self.directory / "config.json") == self.routes:
                return
            time.sleep(0.1)
        raise TimeoutError(f"the daemon of {self.routes} routes did not serve them all")

    @property
    def memory(self) -> float:
        """The resident memory in MiB."""
        return _number(self._read("status"), r"^VmRSS:\s+(\d+) kB") / 1024

    @property
    def wakes(self) -> float:
        """How often its threads went to wait; those of threads that ended are not in it."""
        tasks = Path("/proc", str(self.process.pid), "task").iterdir()
        pattern = r"^voluntary_ctxt_switches:\s+(\d+)"
        return sum(_number((task / "status").read_text(), pattern) for task in tasks)

    @property
    def processor(self) -> float:
        """The processor seconds that it has used, to a hundredth; of ended threads too."""
        fields = self._read("stat").rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / _TICKS

    def _read(self, name: str) -> str:
        return Path("/proc", str(self.process.pid), name).read_text()


def measure(
    directory: Path, seconds: float, meanwhile: Callable[[], Iterator[Result]]
) -> Iterator[Result]:
    """Watch daemons of 1, 10, 100 and 1,000 routes for some time after their first renewals.

    What is measured `meanwhile` comes first; it may use the processor.
    """
    with endpoint(directory) as url, ExitStack() as stack:
        # The largest first: it takes the longest to settle.
        daemons = [_start(stack, directory, url, routes) for routes in sorted(_MEMORY)[::-1]]
        time.sleep(2)
        begin = time.monotonic()
        before = [(each.wakes, each.processor) for each in daemons]
        yield from meanwhile()
        time.sleep(max(begin + seconds - time.monotonic(), 0.0))
        spent = time.monotonic() - begin
        for daemon, (wakes, processor) in reversed(list(zip(daemons, before, strict=True))):
            more = daemon.routes - 1
            name = f"daemon at rest, {daemon.routes} route{'s' if more else ''}"
            rate = (daemon.wakes - wakes) * 60 / spent
            share = (daemon.processor - processor) / spent * 100
            yield Result(f"{name}: memory", daemon.memory, _MEMORY[daemon.routes], "MiB")
            yield Result(
                f"{name}: voluntary wakes", rate, _WAKES + more * _WAKES_OF_A_ROUTE, "per min"
            )
            yield Result(
                f"{name}: processor", share, _PROCESSOR + more * _PROCESSOR_OF_A_ROUTE, "%"
            )


def _start(stack: ExitStack, directory: Path, url: str, routes: int) -> _Daemon:
    home = directory / str(routes)
    home.mkdir()
    settings = home / "refresher.yaml"
    settings.write_text(_settings(home, routes))
    process = stack.enter_context(
        subprocess.Popen(
            [installed("refresher"), "run", "--config", str(settings)],
            env={**without_aws(os.environ), **environment(url), "HOME": str(home)},
            stderr=subprocess.DEVNULL,
        )
    )
    stack.callback(process.terminate)
    daemon = _Daemon(routes, home, process)
    daemon.wait_until_served()
    return daemon


def _settings(home: Path, routes: int) -> str:
    """Return settings with ECR, and beside it providers with a password file each."""
    extra = []
    for number in range(1, routes):
        file = home / f"password-{number}"
        file.write_text("secret")
        options = {
            "type": "static",
            "registries": [f"registry-{number}.example"],
            "username": "acme",
            "password_file": str(file),
        }
        extra.append(f"  static-{number}: {json.dumps(options)}\n")
    head, sinks, tail = SETTINGS.partition("sinks:")
    return head + "".join(extra) + sinks + tail


def _entries(path: Path) -> int:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return 0
    return len(document["auths"])


def _number(text: str, pattern: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else 0
