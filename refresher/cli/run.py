"""`refresher run`."""

import gc
import os
from pathlib import Path
from signal import SIGHUP
from typing import TYPE_CHECKING, Final

import click

from refresher.cli.listening import listen_address, listen_option, listening
from refresher.cli.wiring import (
    build_engine,
    config_option,
    find_settings,
    open_backend,
    registry_option,
)
from refresher.clock import SystemClock
from refresher.engine.workers import ThreadWorkers
from refresher.observe.backlog import log_to_stderr
from refresher.observe.fanout import Fanout
from refresher.observe.log import Format, capture_stdlib
from refresher.observe.tally import Tally
from refresher.ports import Event, EventName, Events, Severity
from refresher.signals import handled

if TYPE_CHECKING:
    from refresher.settings import Settings

_START_JITTER: Final = 3.0

_OF_START: Final = (
    "store",
    "store_password_file",
    "store_key_file",
    "listen",
    "log_level",
    "log_format",
)
"""Settings that are read once."""


@click.command("run")
@config_option
@registry_option
@listen_option
def command(config: Path | None, registries: tuple[str, ...], listen: str | None) -> None:
    """Renew for good, as a daemon. SIGHUP reads the settings again; SIGTERM ends.

    Settings that are wrong at a reload leave the old ones in use.
    """
    # The settings are about to be read: an early wish to read them again ends nobody.
    with handled({SIGHUP: lambda: None}):
        _run(config, registries, listen)


def _run(config: Path | None, registries: tuple[str, ...], listen: str | None) -> None:
    from refresher.daemon import Daemon, Duty  # noqa: PLC0415 - APScheduler is for the daemon alone

    settings = find_settings(config, registries)
    address = listen_address(listen, settings.listen, os.environ)
    log = log_to_stderr(Severity(settings.log_level), Format(settings.log_format))
    click.get_current_context().call_on_close(capture_stdlib(log))
    clock, workers = SystemClock(), ThreadWorkers()
    tally = Tally(clock)
    events = Fanout(log, tally)
    backend = open_backend(settings, events)

    def duty(fresh: "Settings") -> Duty:
        engine = build_engine(fresh, backend, events, clock, workers)
        return Duty(engine, fresh.drift_interval)

    def reload() -> Duty:
        fresh = find_settings(config, registries)
        made = duty(fresh)
        _tell_late(settings, fresh, events)
        return made

    gc.enable()
    spread = _START_JITTER if settings.start_jitter is None else settings.start_jitter
    daemon = Daemon(duty(settings), reload=reload, clock=clock, events=events, spread=spread)
    with listening(address, daemon, tally=tally, events=events, clock=clock):
        daemon.run()


def _tell_late(begun: "Settings", fresh: "Settings", events: Events) -> None:
    """Tell of what a reload can't change. `begun` is what the daemon was started with."""
    changed = [name for name in _OF_START if getattr(begun, name) != getattr(fresh, name)]
    if changed:
        detail = f"{', '.join(changed)}: changed, and not in use before a restart"
        hint = "restart the daemon, or take the change back"
        events.emit(Event(EventName.NOTICE, Severity.WARNING, detail=detail, hint=hint))
