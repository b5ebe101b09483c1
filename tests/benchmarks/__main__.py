"""`python -m tests.benchmarks`: every figure beside its budget; exits with 1 if one is missed.

`--at-rest 600` watches the daemons at rest for ten minutes instead of one.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks import (
    calls,
    daemon,
    docker_config,
    herd,
    kubernetes,
    once,
    postgres,
    rancher,
    store,
)
from tests.benchmarks.report import Result


def main() -> int:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--at-rest", type=float, default=daemon.SECONDS, metavar="SECONDS")
    missed = 0
    for result in _measure(parser.parse_args().at_rest):
        verdict = "" if result.met else "  MISSED"
        missed += not result.met
        figure = f"{result.measured:>10.3g} of {result.budget:>5.3g} {result.unit}"
        print(f"{result.name:<55}{figure}{verdict}", flush=True)  # noqa: T201 - it is the output
    return 1 if missed else 0


def _measure(at_rest: float) -> Iterator[Result]:
    yield once.start_up()
    yield from _in_a_folder(once.measure)
    yield from _in_a_folder(lambda folder: daemon.measure(folder, at_rest, herd.measure))
    for single in (
        calls.one_region,
        docker_config.merge_and_write,
        docker_config.write_unchanged,
        store.open_and_read,
    ):
        with tempfile.TemporaryDirectory() as folder:
            yield single(Path(folder))
    yield from _in_a_folder(store.look_up)
    yield from postgres.measure()
    yield from rancher.passes()
    yield rancher.writes()
    yield from kubernetes.passes()


def _in_a_folder(work: Callable[[Path], Iterator[Result]]) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        yield from work(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
