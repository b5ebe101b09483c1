"""`refresher get`."""

import json
from pathlib import Path

import click

from refresher.cli import NO_ANSWER, OK
from refresher.cli.notes import Notes
from refresher.cli.output import print_json_text
from refresher.cli.wiring import config_option, open_plant, settings_for
from refresher.errors import RefresherError
from refresher.model.address import canonical


@click.command("get")
@click.argument("registry")
@click.option("--environment", default="default", show_default=True, help="Of the registry store.")
@config_option
def command(registry: str, environment: str, config: Path | None) -> int:
    """Print the live credential of REGISTRY as {"ServerURL", "Username", "Secret"}.

    Renewed first if it is due; else from the registry store. An expired one is no answer.
    """
    try:
        canonical(registry)
    except RefresherError as error:
        raise click.BadParameter(f"{error}; {error.hint}", param_hint="REGISTRY") from None
    from refresher.engine.lookup import look_up  # noqa: PLC0415 - with the store and the engine

    plant = open_plant(settings_for(registry, config), Notes())
    found = look_up(plant.engine, plant.backend.store, environment, registry, plant.clock)
    if isinstance(found, str):
        click.echo(f"no answer: {found}", err=True)
        return NO_ANSWER
    answer = {
        "ServerURL": registry,
        "Username": found.username,
        "Secret": found.secret.reveal(),
    }
    print_json_text(json.dumps(answer, ensure_ascii=False))
    return OK
