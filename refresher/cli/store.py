"""`refresher store`: the database as a whole."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from refresher.cli import FAILED, OK
from refresher.cli.notes import Notes
from refresher.cli.page.opening import store_option
from refresher.cli.wiring import (
    bare_settings,
    config_option,
    find_settings,
    is_configured,
    open_backend,
    store_location,
)

if TYPE_CHECKING:
    from refresher.settings import Settings


def _settings(config: Path | None, store: str | None) -> "Settings":
    settings = find_settings(config) if is_configured(config) else bare_settings()
    return replace(settings, store=store or settings.store)


@click.group("store")
def command() -> None:
    """Back up the store, or seal its secrets with another key."""


@command.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@config_option
@store_option
def backup(file: Path, config: Path | None, store: str | None, *, force: bool) -> int:
    """Copy the store to FILE while others use it.

    FILE is a whole store itself, its owner's alone: to restore it, rename it to where the
    store was. Secrets are in it as they are in the store, and their key is not.
    """
    from refresher.store.sqlite.backup import back_up, file_at  # noqa: PLC0415 - with the store

    source = file_at(store_location(_settings(config, store)))
    size = back_up(source, file, force=force)
    click.echo(f"copied {source} to {file}: {size} bytes")
    return OK


@command.command("reseal")
@config_option
@store_option
def reseal(config: Path | None, store: str | None) -> int:
    """Seal every secret with the first key of `store_key_file`.

    Those that are plain and those that were sealed with another key, all or none. Then the
    other keys can go from the file, on every host that uses the store.
    """
    backend = open_backend(_settings(config, store), Notes())
    done = backend.reseal()
    already = f", {done.current} were already" if done.current else ""
    click.echo(f"sealed {done.sealed} secret(s){already}")
    if not done.unreadable:
        return OK
    click.echo(f"{done.unreadable} can't be read, and were left as they are", err=True)
    return FAILED
