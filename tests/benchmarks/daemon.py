"""The daemon at rest: what it costs to wait for the next renewal."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.once import SETTINGS, endpoint, installed
from tests.benchmarks.report import Result
from tests.doubles.aws import environment, without_aws

_SECONDS: Final = 30.0


def measure(directory: Path) -> Iterator[Result]:
    """Watch a daemon for half a minute after its first renewal."""
    settings = directory / "refresher.yaml"
    settings.write_text(SETTINGS)
    command = [installed("refresher"), "run", "--config", str(settings)]
    with endpoint(directory) as url:
        env = {**without_aws(os.environ), **environment(url), "HOME": str(directory)}
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as daemon:
            try:
                _wait_for(directory / "config.json")
                time.sleep(2)
                before = _wakes(daemon.pid), _processor(daemon.pid)
                time.sleep(_SECONDS)
                wakes = _wakes(daemon.pid) - before[0]
                busy = _processor(daemon.pid) - before[1]
                memory = _memory(daemon.pid)
            finally:
                daemon.terminate()
    yield Result("daemon at rest: memory", memory, 70.0, "MiB")
    yield Result("daemon at rest: voluntary wakes", wakes * 60 / _SECONDS, 15.0, "per min")
    yield Result("daemon at rest: processor", busy / _SECONDS * 100, 0.1, "%")


def _wait_for(path: Path) -> None:
    for _ in range(500):
        if path.exists():
            return
        time.sleep(0.02)
    raise TimeoutError("the daemon wrote nothing")


def _wakes(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        found = re.search(
            r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE
        )
        total += int(found[1]) if found else 0
    return total


def _processor(pid: int) -> float:
    """Return the processor seconds that the process has used, to the microsecond or so."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _memory(pid: int) -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
