"""`refresher plan`."""

from pathlib import Path

import click

from refresher.cli import FAILED, OK
from refresher.cli.notes import Notes
from refresher.cli.output import output_option
from refresher.cli.reports import print_report
from refresher.cli.wiring import config_option, find_settings, open_plant, registry_option


@click.command("plan")
@config_option
@registry_option
@output_option
def command(config: Path | None, registries: tuple[str, ...], style: str) -> int:
    """Show what `once` would do. Reads every target, asks no provider, writes nothing."""
    notes = Notes()
    plant = open_plant(find_settings(config, registries), notes, read_only=True)
    report = plant.engine.plan()
    print_report(report, plant.clock.now(), style)
    return OK if report.ok and not notes.failed else FAILED
