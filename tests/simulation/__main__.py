"""Run worlds from the command line: any number of seeds, or the load of CI."""

import argparse
import os
import sys
import time
from collections import Counter
from typing import TextIO

from tests.simulation.load import Tally, Task, seeds, spent, years
from tests.simulation.plan import PROFILES, SLICE, draw
from tests.simulation.run import live

_HOURLY_YEARS = 100.0
_FIVE_MINUTE_YEARS = 5.0


def main() -> int:
    """Run what the arguments say; return 1 if a promise was broken."""
    options = _parser().parse_args()
    if options.replay is not None:
        return _replay(options.replay, options.profile or SLICE[options.replay % 3], options.trace)
    began = time.perf_counter()
    tally = Tally()
    for tally in spent(_tasks(options), options.jobs):
        if sys.stderr.isatty():
            _say(f"\r{tally.worlds} worlds", sys.stderr)
    _tell(tally, time.perf_counter() - began)
    return 1 if tally.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first seed")
    parser.add_argument("--years", type=float, help="so many credential-years, instead of --seeds")
    parser.add_argument("--profile", choices=PROFILES, help="worlds of one kind only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one world again")
    parser.add_argument("--trace", action="store_true", help="with --replay: show all events")
    parser.add_argument("--ci", action="store_true", help="100 + 5 credential-years")
    return parser


def _tasks(options: argparse.Namespace) -> list[Task]:
    first = options.first
    if options.ci:
        return [
            *years(first, _HOURLY_YEARS, "years"),
            *years(first, _FIVE_MINUTE_YEARS, "years-5min"),
        ]
    if options.years is not None:
        return years(first, options.years, options.profile or "years")
    return seeds(first, options.seeds, [options.profile] if options.profile else SLICE)


def _replay(seed: int, profile: str, trace: bool) -> int:  # noqa: FBT001 - a flag of the command
    result = live(draw(seed, profile), trace=_show if trace else None)
    for violation in result.violations:
        _show(f"{violation}\n")
    _show(f"{result.counts.total()} events counted: {_listed(result.counts)}")
    return 1 if result.violations else 0


def _tell(tally: Tally, seconds: float) -> None:
    for profile, violation in tally.violations:
        _show(str(violation))
        command = f"python -m tests.simulation --profile '{profile}' --replay {violation.seed}"
        _show(f"    replay: {command} --trace\n")
    _show(f"{tally.worlds} worlds, {tally.credential_years:.1f} credential-years")
    _show(f"did: {_listed(tally.counts)}")
    _show(f"met: {_listed(tally.faults)}")
    rate = tally.credential_years / seconds
    _show(f"took {seconds:.1f} s: {rate:.2f} credential-years per second")
    _show(f"{len(tally.violations)} violations")


def _show(line: str) -> None:
    _say(f"{line}\n")


def _say(text: str, stream: TextIO = sys.stdout) -> None:
    stream.write(text)
    stream.flush()


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
