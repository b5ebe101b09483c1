"""`refresher store`: the database as a whole."""

from pathlib import Path

import click

from refresher.cli import FAILED, OK
from refresher.cli.notes import Notes
from refresher.cli.page.opening import settings_of_store, store_option
from refresher.cli.wiring import config_option, open_backend, store_location


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

    source = file_at(store_location(settings_of_store(config, store)))
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
    backend = open_backend(settings_of_store(config, store), Notes())
    done = backend.reseal()
    already = f", {done.current} were already" if done.current else ""
    click.echo(f"sealed {done.sealed} secret(s){already}")
    if not done.unreadable:
        return OK
    click.echo(f"{done.unreadable} can't be read, and were left as they are", err=True)
    return FAILED
