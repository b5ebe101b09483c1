"""`refresher registry`: the registries of an environment."""

from typing import Any

import click
from click.core import ParameterSource

from refresher.cli import OK
from refresher.cli.arguments import Family
from refresher.cli.page.addresses import address_argument, new_address_argument
from refresher.cli.page.credential import command as credential
from refresher.cli.page.editing import (
    Edit,
    edit_credential,
    fixed_address,
    refuse_taken,
    tell_new_environment,
)
from refresher.cli.page.opening import Page, environment_option, on_page, yes_option
from refresher.cli.page.options import credential_option, email_option, username_option
from refresher.cli.page.passwords import PasswordSource, takes_password
from refresher.cli.page.states import set_registry
from refresher.cli.page.views import (
    named,
    print_change,
    print_registries,
    print_registry,
)
from refresher.model.registered import RowState
from refresher.ports import StoredCredential


@click.group("registry", cls=Family)
def command() -> None:
    """Say which registries there are, and who pulls from them.

    ADDRESS is host or host:port, or one of the words dockerhub and quay. A registry
    belongs to an environment and has any number of credentials; the active one that
    was added last is in use. See also `refresher setting` and `refresher resolve`.
    """


command.add_command(credential)


@command.command("add")
@new_address_argument
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
    """Add a registry with its first credential.

    ADDRESS is host or host:port, or one of the words dockerhub and quay. The password is
    asked for, unless an option tells where it is. An environment that is not there is
    added, too.
    """
    if password.asks and not tell_new_environment(page, environment):
        refuse_taken(page, environment, address)
    credential = StoredCredential(username, password.read(username, address), email)
    if not password.asks:
        tell_new_environment(page, environment)
    added = page.registries.add_registry(environment, address, credential)
    print_change(f"registry {address} is added to environment {environment}", added, page)
    return OK


@command.command("list")
@environment_option
@click.option("--all-environments", is_flag=True, help="Of every environment.")
@click.option("--removed", is_flag=True, help="Removed ones too.")
@on_page(read_only=True)
def _list(page: Page, environment: str, *, all_environments: bool, removed: bool) -> int:
    """List registries, and what is in use there."""
    source = click.get_current_context().get_parameter_source("environment")
    if all_environments and source is not ParameterSource.DEFAULT:
        raise click.UsageError("--environment and --all-environments: give one")
    registries = page.registries
    names = [each.name for each in registries.environments()] if all_environments else [environment]
    found = [each for name in names for each in registries.registries(name, removed=removed)]
    print_registries(found, page)
    return OK


@command.command("show")
@address_argument
@environment_option
@on_page(read_only=True)
def _show(page: Page, address: str, environment: str) -> int:
    """Show a registry with its credentials."""
    print_registry(page.registries.registry(environment, address), page)
    return OK


@command.command("edit")
@address_argument
@credential_option
@username_option(required=False)
@email_option
@takes_password(prompt=True)
@fixed_address
@environment_option
@on_page()
def _edit(page: Page, address: str, environment: str, number: int | None, **changes: Any) -> int:
    """Change the credential in use.

    Its user name, its e-mail or its password: the password is asked for if no option
    names another change. The address of a registry can't be changed.
    """
    edited = edit_credential(page, environment, address, number, Edit(**changes))
    registered = page.registries.registry(environment, address)
    print_change(f"{named(edited)} at registry {registered.address} is changed", registered, page)
    return OK


@command.command("activate")
@address_argument
@environment_option
@on_page()
def _activate(page: Page, address: str, environment: str) -> int:
    """Let pulls use a registry again."""
    return set_registry(page, environment, address, RowState.ACTIVE)


@command.command("deactivate")
@address_argument
@environment_option
@on_page()
def _deactivate(page: Page, address: str, environment: str) -> int:
    """Keep pulls from using a registry. Its credentials stay."""
    return set_registry(page, environment, address, RowState.INACTIVE)


@command.command("remove")
@address_argument
@environment_option
@yes_option
@on_page()
def _remove(page: Page, address: str, environment: str, *, yes: bool) -> int:
    """Remove an inactive registry for good."""
    return set_registry(page, environment, address, RowState.REMOVED, yes=yes)
