"""What people say of a credential: user name, e-mail, number. Checked before all else."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from refresher.errors import PermanentError
from refresher.model.credential import refuse_control_characters

F = TypeVar("F", bound=Callable[..., Any])

_LONGEST_EMAIL: Final = 320
"""Characters: 64 before the @, 255 after it (RFC 5321, section 4.5.3.1)."""

_LONGEST_USERNAME: Final = 4096
"""Characters, as in Rancher 1.x."""

_LONGEST_ID: Final = 18
"""Digits: more than any database counts up to."""


def username_option(*, required: bool) -> Callable[[F], F]:
    """Return the option `--username`."""
    return click.option(
        "--username",
        metavar="NAME",
        required=required,
        callback=_username,
        help="Who the password belongs to.",
    )


def email_option(command: F) -> F:
    """Add the option `--email` to a command."""
    return click.option(
        "--email",
        metavar="EMAIL",
        callback=_email,
        help="An e-mail address, for registries that want one.",
    )(command)


def credential_option(command: F) -> F:
    """Add the option `--credential ID` to a command."""
    return click.option(
        "--credential",
        "number",
        metavar="ID",
        callback=_number,
        help="Another credential than the one in use; `show` lists them.",
    )(command)


def credential_argument(command: F) -> F:
    """Add the argument ID to a command."""
    return click.argument("number", metavar="ID", callback=_number)(command)


def _username(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    # The text is not repeated: it may be user name and password in one.
    if text is None:
        return None
    if not text.strip():
        raise click.BadParameter("is empty")
    if ":" in text:
        raise click.BadParameter(
            "contains a colon, which HTTP Basic authentication can't send; "
            "give the user name alone, the password is asked for"
        )
    return _sendable(text, _LONGEST_USERNAME)


def _email(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _sendable(text, _LONGEST_EMAIL)


def _number(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise click.BadParameter("is no number; `refresher registry show ADDRESS` lists them")
    return int(text)


def _sendable(text: str, longest: int) -> str:
    if len(text) > longest:
        raise click.BadParameter(f"is longer than {longest} characters")
    try:
        refuse_control_characters(text, "it")
    except PermanentError as error:
        raise click.BadParameter(str(error)) from None
    return text
