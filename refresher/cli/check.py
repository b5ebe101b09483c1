"""`refresher check`."""

from collections.abc import Iterable
from pathlib import Path

import click

from refresher.cli import FAILED, OK, WRONG_SETTINGS
from refresher.cli.notes import Notes, redacted
from refresher.cli.wiring import (
    build_parts,
    config_option,
    find_settings,
    open_backend,
    registry_option,
)
from refresher.clock import SystemClock
from refresher.engine.checkup import Finding, check_locally, check_providers, check_sinks
from refresher.engine.workers import ThreadWorkers


@click.command("check")
@config_option
@registry_option
@click.option("--offline", is_flag=True, help="Ask no provider: settings and files only.")
def command(config: Path | None, registries: tuple[str, ...], *, offline: bool) -> int:
    """Validate settings, files and identities; write nothing.

    Each provider is asked once, and what it answers is dropped. Exits with 2 if
    a file that a provider needs is wrong, with 1 on any other finding.
    """
    events, settings = Notes(), find_settings(config, registries)
    wiring = build_parts(
        settings, open_backend(settings, events, read_only=True), events, SystemClock()
    )
    wrong = check_locally(wiring.sources)
    _print(wrong)
    if wrong:
        return WRONG_SETTINGS
    workers = ThreadWorkers()
    findings = check_sinks(wiring.sinks, wiring.sources, workers)
    if not offline:
        findings += check_providers(wiring.sources, workers)
    _print(findings)
    if findings:
        return FAILED
    click.echo(f"no findings: {len(wiring.sources)} provider(s), {len(wiring.sinks)} sink(s)")
    return OK


def _print(findings: Iterable[Finding]) -> None:
    for finding in findings:
        click.echo(redacted(f"{finding.subject}: {finding.message}"))
        if finding.hint:
            click.echo(redacted(f"  hint: {finding.hint}"))
