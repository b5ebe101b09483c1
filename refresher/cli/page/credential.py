"""`refresher registry credential`: the credentials of one registry."""

from typing import Any

import click

from refresher.cli import OK
from refresher.cli.arguments import Family
from refresher.cli.page.addresses import address_argument
from refresher.cli.page.editing import Edit, edit_credential
from refresher.cli.page.opening import Page, environment_option, on_page, yes_option
from refresher.cli.page.options import credential_argument, email_option, username_option
from refresher.cli.page.passwords import PasswordSource, takes_password
from refresher.cli.page.states import set_credential
from refresher.cli.page.views import named, print_change
from refresher.model.registered import RowState
from refresher.ports import StoredCredential


@click.group("credential", cls=Family)
def command() -> None:
    """Say who pulls from a registry.

    The active credential that was added last is in use, or the first one where
    `refresher setting set registry.credential oldest` says so. `refresher registry show`
    lists the credentials with their IDs.
    """


@command.command("add")
@address_argument
@username_option(required=True)
@email_option
@takes_password()
@environment_option
@on_page()
def _add(
    page: Page,
    address: str,
    environment: str,
    *,
    username: str,
    email: str | None,
    password: PasswordSource,
) -> int:
    """Add a credential to a registry.

    The password is asked for, unless an option tells where it is.
    """
    page.registries.registry(environment, address)  # refused before a password is asked for
    credential = StoredCredential(username, password.read(username, address), email)
    added = page.registries.add_credential(environment, address, credential)
    registered = page.registries.registry(environment, address)
    print_change(f"{named(added)} is added to registry {registered.address}", registered, page)
    return OK


@command.command("edit")
@address_argument
@credential_argument
@username_option(required=False)
@email_option
@takes_password(prompt=True)
@environment_option
@on_page()
def _edit(page: Page, address: str, number: int, environment: str, **changes: Any) -> int:
    """Change a credential.

    Its user name, its e-mail or its password: the password is asked for if no option
    names another change.
    """
    edited = edit_credential(page, environment, address, number, Edit(**changes))
    registered = page.registries.registry(environment, address)
    print_change(f"{named(edited)} at registry {registered.address} is changed", registered, page)
    return OK


@command.command("activate")
@address_argument
@credential_argument
@environment_option
@on_page()
def _activate(page: Page, address: str, number: int, environment: str) -> int:
    """Let pulls use a credential again."""
    return set_credential(page, environment, address, number, RowState.ACTIVE)


@command.command("deactivate")
@address_argument
@credential_argument
@environment_option
@on_page()
def _deactivate(page: Page, address: str, number: int, environment: str) -> int:
    """Keep pulls from using a credential."""
    return set_credential(page, environment, address, number, RowState.INACTIVE)


@command.command("remove")
@address_argument
@credential_argument
@environment_option
@yes_option
@on_page()
def _remove(page: Page, address: str, number: int, environment: str, *, yes: bool) -> int:
    """Remove an inactive credential for good."""
    return set_credential(page, environment, address, number, RowState.REMOVED, yes=yes)
