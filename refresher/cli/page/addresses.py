"""The argument ADDRESS: a preset's word, or an address in any spelling."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from refresher.cli.arguments import argument
from refresher.cli.notes import say
from refresher.model.presets import known_address, new_address

F = TypeVar("F", bound=Callable[..., Any])

_ADDRESS: Final = "ADDRESS"


def new_address_argument(command: F) -> F:
    """Add the ADDRESS of a registry to add, as it will be kept. What is changed in it is said."""
    return click.argument("address", metavar=_ADDRESS, callback=_new)(command)


def address_argument(command: F) -> F:
    """Add the ADDRESS of a registry that is there."""
    return click.argument("address", metavar=_ADDRESS, callback=_known)(command)


def _new(_context: click.Context, _argument: click.Parameter, text: str) -> str:
    with argument(_ADDRESS):
        typed = new_address(text)
    for notice in typed.notices:
        say(f"notice: {notice}")
    return typed.address


def _known(_context: click.Context, _argument: click.Parameter, text: str) -> str:
    with argument(_ADDRESS):
        return known_address(text)
