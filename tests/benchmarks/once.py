"""`refresher once` against what people call by hand: `aws ecr get-login-password`.

What is measured is what is installed beside this interpreter, not this checkout:
run `pip install '.[benchmark]'` first, and not in editable mode.
"""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.report import Result
from tests.doubles.aws import environment, without_aws

_REGION: Final = "us-west-2"
_HOST: Final = f"123456789012.dkr.ecr.{_REGION}.amazonaws.com"
_ROUNDS: Final = 15
SETTINGS: Final = f"""\
store: refresher.db
providers:
  prod: {{type: ecr, registries: [{_HOST}]}}
sinks:
  store: {{type: store}}
  docker: {{type: docker-config, path: config.json}}
"""


def measure(directory: Path) -> Iterator[Result]:
    """Run both in turn on the same endpoint, each time as a new process without any state."""
    with endpoint(directory) as url:
        env = {**without_aws(os.environ), **environment(url), "HOME": str(directory)}
        ours = [installed("refresher"), "once", "--config"]
        theirs = [installed("aws"), "ecr", "get-login-password", "--region", _REGION]
        runs = [(_run_ours(ours, env), _run(theirs, env)) for _ in range(_ROUNDS + 1)][1:]
    for what, pick in (("processor", 0), ("wall", 1)):
        ratio = statistics.median(mine[pick] / other[pick] for mine, other in runs)
        yield Result(f"once / aws ecr get-login-password, {what} time", ratio, 1.0, "x")
    yield Result("once, peak memory", max(mine[2] for mine, _ in runs), 80.0, "MiB")


def start_up() -> Result:
    """Measure what `refresher version` costs over an interpreter that does nothing."""
    env = without_aws(os.environ)
    runs = [
        (
            _run([installed("refresher"), "version"], env),
            _run([sys.executable, "-c", ""], env),
        )
        for _ in range(_ROUNDS)
    ]
    own = statistics.median(mine[1] - bare[1] for mine, bare in runs)
    return Result("version, over bare Python", own * 1000, 60.0, "ms")


def installed(command: str) -> str:
    """Return a command as pip installed it, with its compiled modules."""
    path = Path(sys.executable).parent / command
    if not path.exists():
        raise FileNotFoundError(f"{path}: install '.[benchmark]'")
    return str(path)


Figures = tuple[float, float, float]
"""Processor seconds, wall seconds, peak MiB."""


def _run_ours(command: list[str], env: Mapping[str, str]) -> Figures:
    """Run in a new folder, so that nothing of the run before is there."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "refresher.yaml"
        settings.write_text(SETTINGS)
        return _run([*command, str(settings)], env)


def _run(command: list[str], env: Mapping[str, str]) -> Figures:
    start = time.perf_counter()
    process = subprocess.Popen(command, env=dict(env), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} exited with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


@contextmanager
def endpoint(directory: Path) -> Iterator[str]:
    """Serve ECR from a process of its own, so that it does not weigh on what is measured."""
    port_file = directory / "port"
    command = [sys.executable, "-m", "tests.doubles.aws", "--port-file", str(port_file)]
    with subprocess.Popen(command) as server:
        try:
            _wait_for(port_file.exists)
            yield f"http://127.0.0.1:{port_file.read_text()}"
        finally:
            server.terminate()


def _wait_for(condition: Callable[[], bool]) -> None:
    for attempt in itertools.count():
        if condition():
            return
        if attempt > 500:
            raise TimeoutError("the endpoint did not start")
        time.sleep(0.02)
