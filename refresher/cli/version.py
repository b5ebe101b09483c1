"""`refresher version`."""

import click

from refresher import __version__


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"refresher {__version__}")
