"""`refresher check`."""

import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from refresher.cli import FAILED, OK, WRONG_SETTINGS
from refresher.cli.notes import Notes, redacted
from refresher.cli.wiring import (
    build_parts,
    config_option,
    find_settings,
    key_file,
    open_backend,
    registry_option,
    store_location,
)
from refresher.clock import SystemClock
from refresher.engine.checkup import (
    Finding,
    check_locally,
    check_providers,
    check_sinks,
    declared,
    fed,
    remote,
)
from refresher.engine.workers import ThreadWorkers
from refresher.errors import RefresherError
from refresher.ports import Records, Sink
from refresher.registry.policy import Policy
from refresher.registry.verifier import RegistryVerifier
from refresher.store.location import MEMORY, file_of, writing_defect
from refresher.store.sealing.keyfile import KeyFile
from refresher.store.serverurl import is_server

if TYPE_CHECKING:
    from refresher.settings import Settings
    from refresher.wiring import Wiring


@click.command("check")
@config_option
@registry_option
@click.option("--offline", is_flag=True, help="Ask nobody: settings and files only.")
def command(config: Path | None, registries: tuple[str, ...], *, offline: bool) -> int:
    """Validate settings, files and identities; write nothing.

    Each provider is asked once, and what it answers is dropped. What docker and podman on
    this host need for the registries in `trust` is told, too. Exits with 2 if a file that
    the settings need is wrong, with 1 on any other finding.
    """
    events, settings = Notes(), find_settings(config, registries)
    backend = open_backend(settings, events, read_only=True)
    wiring = build_parts(settings, backend, events, SystemClock())
    wrong = check_locally(wiring.sources, _others(settings, wiring.sinks))
    _print(wrong)
    if wrong:
        return WRONG_SETTINGS
    findings = _check_all(settings, wiring, offline=offline)
    for each in _check_store(store_location(settings), backend.records, offline=offline):
        # A sink that writes to the store says the same of it.
        if not any(each.message in other.message for other in findings):
            findings.append(each)
    _print(findings)
    if findings:
        return FAILED
    click.echo(f"no findings: {len(wiring.sources)} provider(s), {len(wiring.sinks)} sink(s)")
    return OK


def _others(settings: "Settings", sinks: Mapping[str, Sink]) -> dict[str, object]:
    """Return what else reads files that the settings name."""
    trusted = RegistryVerifier(Policy(), SystemClock(), {}, settings.trust)
    keys = key_file(settings)
    files = {"trust": trusted} | ({} if keys is None else {"store": KeyFile(keys)})
    return {**remote(sinks), **files}


def _check_all(settings: "Settings", wiring: "Wiring", *, offline: bool) -> list[Finding]:
    workers, sinks = ThreadWorkers(), wiring.sinks
    registries, findings = declared(wiring.sources), list[Finding]()
    if offline:
        away = remote(sinks)
        sinks = {name: sink for name, sink in sinks.items() if name not in away}
    else:
        findings, arrived = check_providers(wiring.sources, workers)
        # Some learn what they serve from the answer alone.
        registries |= arrived
    findings += check_sinks(sinks, fed(wiring.routes, registries), workers)
    served = chain.from_iterable(registries.values())
    return findings + _check_engines(settings, served, offline=offline)


def _check_store(location: str, records: Records, *, offline: bool) -> Iterable[Finding]:
    """Yield why the store can't be read or written."""
    server = is_server(location)
    if location == MEMORY or (server and offline):
        return
    try:
        records.leases()
    except RefresherError as error:
        yield Finding("store", str(error), error.hint)
        return
    defect = "" if server else writing_defect(file_of(location))
    if defect:
        yield Finding("store", defect, "set store to another path, or give this user the right")


def _check_engines(
    settings: "Settings", registries: Iterable[str], *, offline: bool
) -> list[Finding]:
    """Return what container engines lack, and tell what they have."""
    from refresher.registry.engines.advice import Host, advise  # noqa: PLC0415 - for `check` alone

    findings = []
    for each in advise(registries, settings.trust, Host.this(os.environ, offline=offline)):
        if each.done:
            click.echo(f"{each.engine}: {each.message}")
        else:
            findings.append(Finding(each.engine, each.message, each.hint))
    return findings


def _print(findings: Iterable[Finding]) -> None:
    for finding in findings:
        click.echo(redacted(f"{finding.subject}: {finding.message}"))
        if finding.hint:
            click.echo(redacted(f"  hint: {finding.hint}"))
