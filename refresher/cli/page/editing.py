"""Changes to a credential that is there."""

from dataclasses import dataclass

import click

from refresher.cli.arguments import argument
from refresher.cli.notes import say
from refresher.cli.page.opening import Page
from refresher.cli.page.passwords import PasswordSource
from refresher.errors import PermanentError
from refresher.model.nearest import nearest
from refresher.model.registered import Registered, RegisteredCredential, refuse_environment
from refresher.observe.lines import printable


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person wants to change; None stays as it is."""

    username: str | None
    email: str | None
    password: PasswordSource

    @property
    def wants_password(self) -> bool:
        """Whether the password changes: if nothing else does, that is what is meant."""
        return self.password.given or (self.username is None and self.email is None)


def edit_credential(
    page: Page, environment: str, address: str, number: int | None, edit: Edit
) -> RegisteredCredential:
    """Change the credential `number` of a registry, or the one in use.

    Raises `PermanentError` if there is none, and what `PasswordSource.read` raises.
    """
    found = find_credential(page, page.registries.registry(environment, address), number)
    secret = None
    if edit.wants_password:
        secret = edit.password.read(edit.username or found.username, address)
    return page.registries.edit_credential(
        environment, address, found.id, username=edit.username, email=edit.email, secret=secret
    )


def find_credential(page: Page, registered: Registered, number: int | None) -> RegisteredCredential:
    """Return the credential `number` of a registry, or the one in use.

    Raises `PermanentError` if there is none.
    """
    where = f"registry {registered.address} of environment {registered.environment}"
    if number is None:
        found = registered.in_use(page.preference)
        what = f"no credential is in use at {where}"
    else:
        found = next((each for each in registered.credentials if each.id == number), None)
        what = f"{where} has no credential {number}"
    if found is None:
        raise PermanentError(
            what, hint=f"`refresher registry show {registered.address}` lists what is there"
        )
    return found


def refuse_taken(page: Page, environment: str, address: str) -> None:
    """Raise `PermanentError` if a registry is there already: before a password is asked for."""
    for each in page.registries.registries(environment):
        if each.address.lower() == address.lower():
            raise PermanentError(
                f"registry {each.address} of environment {environment} is there already",
                hint="add a credential to it by `refresher registry credential add`",
            )


def tell_new_environment(page: Page, name: str) -> bool:
    """Return whether there is no environment of that name yet, and say so.

    Raises `click.BadParameter` for a name that none can have.
    """
    names = [each.name for each in page.registries.environments()]
    if name in names:
        return False
    with argument("--environment"):
        refuse_environment(name)
    say(printable(f"notice: environment {name} is new, and is added{nearest(name, names)}"))
    return True


def _refuse_address(_context: click.Context, _option: click.Parameter, text: str | None) -> None:
    if text is not None:
        raise click.UsageError(
            "the address of a registry can't be changed: add another, deactivate and remove this"
        )


fixed_address = click.option(
    "--address", "moved", hidden=True, expose_value=False, callback=_refuse_address
)
"""Refuses an option that people expect at `edit`."""
