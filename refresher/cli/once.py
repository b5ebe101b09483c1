"""`refresher once`."""

import random
from pathlib import Path

import click

from refresher.cli import FAILED, LOCKED_OUT, OK
from refresher.cli.notes import Notes
from refresher.cli.output import output_option
from refresher.cli.reports import print_report
from refresher.cli.wiring import (
    config_option,
    find_settings,
    lock_timeout_option,
    open_plant,
    registry_option,
)
from refresher.engine.oneshot import run_once


@click.command("once")
@config_option
@registry_option
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="Seconds for the whole run, retries included.",
)
@lock_timeout_option
@output_option
def command(
    config: Path | None,
    registries: tuple[str, ...],
    timeout: float,
    lock_timeout: float,
    style: str,
) -> int:
    """Do what is due, repair what drifted, then end.

    Without --config, each --registry HOST names its provider; the AWS or Google
    environment gives the identity, and ~/.docker/config.json is written.
    """
    notes = Notes()
    settings = find_settings(config, registries)
    plant = open_plant(settings, notes)
    report = run_once(
        plant.engine,
        plant.clock,
        seconds=timeout,
        lock_wait=lock_timeout,
        delay=random.uniform(0.0, settings.start_jitter or 0.0),  # noqa: S311 - no secret is made
    )
    print_report(report, plant.clock.now(), style)
    if not report.providers and style == "table":
        click.echo("nothing to do: the settings name no provider")
    if report.locked_out:
        return LOCKED_OUT
    return OK if report.ok and not notes.failed else FAILED
