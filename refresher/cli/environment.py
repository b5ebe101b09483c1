"""`refresher environment`: the environments of the registry store."""

from typing import Any

import click

from refresher.cli import FAILED, OK
from refresher.cli.arguments import Family
from refresher.cli.notes import say
from refresher.cli.output import iso, moment, print_json, print_table
from refresher.cli.page.opening import Page, on_page, yes_option
from refresher.cli.terminal import confirm
from refresher.model.registered import DEFAULT_ENVIRONMENT, Environment
from refresher.observe.lines import printable


@click.group("environment", cls=Family)
def command() -> None:
    """Say which environments there are: each holds registries of its own."""


@command.command("add")
@click.argument("name")
@on_page()
def _add(page: Page, name: str) -> int:
    """Add an environment."""
    added = page.registries.add_environment(name)
    if page.style == "json":
        print_json(_document(added))
    else:
        click.echo(f"environment {printable(name)} is added")
    return OK


@command.command("list")
@on_page(read_only=True)
def _list(page: Page) -> int:
    """List the environments with the number of their registries."""
    found = page.registries.environments()
    if page.style == "json":
        print_json({"environments": [_document(each) for each in found]})
        return OK
    print_table(
        ("ENVIRONMENT", "REGISTRIES", "ADDED"),
        [(printable(each.name), str(each.registries), moment(each.created)) for each in found],
    )
    return OK


@command.command("remove")
@click.argument("name")
@yes_option
@on_page()
def _remove(page: Page, name: str, *, yes: bool) -> int:
    """Remove an environment without registries.

    What was removed there before is forgotten with it.
    """
    question = f"Remove environment {printable(name)} for good?"
    if _can_go(page, name) and not confirm(question, yes=yes):
        say("nothing is changed")
        return FAILED
    page.registries.remove_environment(name)
    if page.style == "json":
        print_json({"name": name, "removed": True})
    else:
        click.echo(f"environment {printable(name)} is removed")
    return OK


def _can_go(page: Page, name: str) -> bool:
    # What the store refuses needs no question.
    return name != DEFAULT_ENVIRONMENT and any(
        each.name == name and not each.registries for each in page.registries.environments()
    )


def _document(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "created": iso(environment.created),
        "registries": environment.registries,
    }
