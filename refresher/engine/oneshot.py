"""One run that does what is due and ends: for cron, CI jobs and people."""

import threading

from refresher.engine.engine import Engine, Pass
from refresher.engine.report import ProviderReport, Report
from refresher.ports import Clock

_SHORTEST_WAIT = 1.0


def run_once(
    engine: Engine,
    clock: Clock,
    *,
    seconds: float = 60.0,
    lock_wait: float = 60.0,
    delay: float = 0.0,
    stop: threading.Event | None = None,
) -> Report:
    """Wait `delay`, then bring everything up to date within `seconds`, retrying what may heal.

    The waits between attempts are those that the engine recorded; a failure
    that only a person can repair is not tried again. `stop` ends the waiting.
    """
    stop = stop or threading.Event()
    if delay > 0:
        clock.wait(delay, stop)
    end = clock.monotonic() + seconds
    done: dict[str, ProviderReport] = {}
    names = engine.providers
    while names:
        left = max(end - clock.monotonic(), _SHORTEST_WAIT)
        report = engine.run(names, Pass(lock_wait=lock_wait), seconds=left)
        for each in report.providers:
            earlier = done.get(each.provider)
            done[each.provider] = each.after(earlier) if earlier else each
        names = tuple(each.provider for each in report.providers if each.hopeful)
        wait = _until_next(engine, clock, names)
        if clock.monotonic() + wait >= end or (names and clock.wait(wait, stop)):
            break
    return Report(tuple(done.values()))


def _until_next(engine: Engine, clock: Clock, names: tuple[str, ...]) -> float:
    now = clock.now()
    wakes = [engine.upcoming(name).wake for name in names]
    waits = [(wake - now).total_seconds() for wake in wakes if wake is not None]
    return max(min(waits, default=0.0), _SHORTEST_WAIT)
