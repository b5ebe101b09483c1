"""`refresher run`."""

import gc
import sys
from pathlib import Path
from signal import SIGHUP

import click

from refresher.cli.wiring import (
    build_engine,
    config_option,
    find_settings,
    open_backend,
    registry_option,
)
from refresher.clock import SystemClock
from refresher.engine.workers import ThreadWorkers
from refresher.observe.log import Format, LogEvents, capture_stdlib
from refresher.ports import Severity
from refresher.signals import handled


@click.command("run")
@config_option
@registry_option
def command(config: Path | None, registries: tuple[str, ...]) -> None:
    """Renew for good, as a daemon. SIGHUP reads the settings again; SIGTERM ends.

    Settings that are wrong at a reload leave the old ones in use.
    """
    # The settings are about to be read: an early wish to read them again ends nobody.
    with handled({SIGHUP: lambda: None}):
        _run(config, registries)


def _run(config: Path | None, registries: tuple[str, ...]) -> None:
    from refresher.daemon import Daemon, Duty  # noqa: PLC0415 - APScheduler is for the daemon alone

    settings = find_settings(config, registries)
    level, style = Severity(settings.log_level), Format(settings.log_format)
    events = LogEvents(sys.stderr, level, style)
    click.get_current_context().call_on_close(capture_stdlib(events))
    clock, workers = SystemClock(), ThreadWorkers()
    backend = open_backend(settings, events)

    def duty() -> Duty:
        fresh = find_settings(config, registries)
        engine = build_engine(fresh, backend, events, clock, workers)
        return Duty(engine, fresh.drift_interval)

    gc.enable()
    Daemon(duty(), reload=duty, clock=clock, events=events).run()
