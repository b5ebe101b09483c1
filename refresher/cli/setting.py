"""`refresher setting`: what holds for the registries of all environments."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import click

from refresher.cli import OK
from refresher.cli.arguments import Family, argument
from refresher.cli.notes import say
from refresher.cli.output import print_json, print_table
from refresher.cli.page.opening import Page, on_page
from refresher.model.pageaddress import HUB
from refresher.model.registered import Preference
from refresher.model.whitelist import CREDENTIAL, DEFAULT, WHITELIST, accept
from refresher.observe.lines import printable

_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {DEFAULT: HUB, WHITELIST: "", CREDENTIAL: str(Preference.NEWEST)}
)
_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        DEFAULT: "the registry of images that name none",
        WHITELIST: "the registries that images may come from, with commas; empty is all",
        CREDENTIAL: "which active credential of a registry is in use: newest or oldest",
    }
)


@click.group("setting", cls=Family)
def command() -> None:
    """Say what holds for the registries of all environments.

    The settings are registry.default, registry.whitelist and registry.credential;
    `list` tells what they mean.
    """


@command.command("get")
@click.argument("name")
@on_page(read_only=True)
def _get(page: Page, name: str) -> int:
    """Print the value of a setting, its default if it is not set."""
    _refuse_unknown(name)
    document = _document(name, page.registries.settings())
    if page.style == "json":
        print_json(document)
    else:
        click.echo(printable(document["value"]))
    return OK


@command.command("set")
@click.argument("name")
@click.argument("value")
@on_page()
def _set(page: Page, name: str, value: str) -> int:
    """Set a setting. An empty VALUE ("") sets its default again."""
    with argument("NAME or VALUE"):
        accepted = accept(name, value)
    page.registries.set_setting(name, value)
    for notice in accepted.notices:
        say(f"notice: {notice}")
    document = _document(name, {name: accepted.value})
    if page.style == "json":
        print_json(document)
    else:
        click.echo(f"{name} is {printable(document['value']) or 'empty'}")
    return OK


@command.command("list")
@on_page(read_only=True)
def _list(page: Page) -> int:
    """List the settings with their values and what they mean."""
    found = page.registries.settings()
    documents = [_document(name, found) for name in _DEFAULTS]
    if page.style == "json":
        print_json({"settings": documents})
        return OK
    print_table(
        ("SETTING", "VALUE", "MEANING"),
        [
            (each["name"], printable(each["value"]) or "-", _MEANINGS[each["name"]])
            for each in documents
        ],
    )
    return OK


def _document(name: str, found: Mapping[str, str]) -> dict[str, Any]:
    value = found.get(name)
    return {"name": name, "value": value or _DEFAULTS[name], "set": bool(value)}


def _refuse_unknown(name: str) -> None:
    with argument("NAME"):
        accept(name, "")
