"""How registries and their credentials look: tables for people, documents for programs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import click

from refresher.cli.output import (
    ending,
    iso,
    left,
    moment,
    print_json,
    print_table,
    seconds_left,
)
from refresher.cli.page.opening import Page
from refresher.model.registered import Registered, RegisteredCredential, RowState
from refresher.model.span import span
from refresher.observe.lines import printable

_COLUMNS: Final = ("ENVIRONMENT", "REGISTRY", "STATE", "CREDENTIAL IN USE", "EXPIRES", "LEFT")
_CREDENTIAL_COLUMNS: Final = (
    "ID",
    "USERNAME",
    "EMAIL",
    "STATE",
    "IN USE",
    "AGE",
    "CHANGED",
    "EXPIRES",
    "LEFT",
)


def print_registries(found: Sequence[Registered], page: Page) -> None:
    """Print each registry with the credential that is in use there."""
    now, preference = page.clock.now(), page.preference
    rows = [(each, each.in_use(preference)) for each in found]
    if page.style == "json":
        print_json({"registries": [_summary(each, used, now) for each, used in rows]})
    elif rows:
        print_table(_COLUMNS, [_row(each, used, now) for each, used in rows])
    else:
        click.echo("no registry is registered; `refresher registry add` adds one")


def print_registry(registered: Registered, page: Page) -> None:
    """Print a registry with all its credentials."""
    now, used = page.clock.now(), registered.in_use(page.preference)
    if page.style == "json":
        print_json(_document(registered, used, now))
        return
    click.echo(
        f"registry {printable(registered.address)} of environment "
        f"{printable(registered.environment)}: {registered.state}, "
        f"added {moment(registered.created)}"
    )
    if not registered.credentials:
        click.echo("it has no credential; `refresher registry credential add` adds one")
        return
    click.echo()
    print_table(_CREDENTIAL_COLUMNS, _credential_rows(registered, used, now))


def print_change(what: str, registered: Registered, page: Page) -> None:
    """Print what was done to a registry and what is in use there now, or the registry itself."""
    if page.style == "json":
        print_registry(registered, page)
        return
    if registered.state is not RowState.REMOVED:
        used = registered.in_use(page.preference)
        what += f"; {named(used) if used else 'nothing'} is in use there"
    click.echo(printable(what))


def named(credential: RegisteredCredential) -> str:
    """Return how a credential is called in sentences."""
    return f"credential {credential.id} of {credential.username}"


def _credential_document(credential: RegisteredCredential, now: datetime) -> dict[str, Any]:
    """Return what a program may know of a credential: everything but the secret."""
    return {
        "id": credential.id,
        "username": credential.username,
        "email": credential.email or None,
        "state": str(credential.state),
        "created": iso(credential.created),
        "updated": iso(credential.updated),
        "issued": iso(credential.issued_at),
        "expires": iso(credential.expires_at),
        "seconds_left": seconds_left(credential.expires_at, now),
    }


def _row(registered: Registered, used: RegisteredCredential | None, now: datetime) -> Sequence[str]:
    return (
        printable(registered.environment),
        printable(registered.address),
        registered.state,
        printable(used.username) if used else "-",
        ending(used.expires_at) if used else "-",
        left(used.expires_at, now) if used else "-",
    )


def _credential_rows(
    registered: Registered, used: RegisteredCredential | None, now: datetime
) -> Iterable[Sequence[str]]:
    for each in registered.credentials:
        yield (
            str(each.id),
            printable(each.username),
            printable(each.email or "-"),
            each.state,
            "yes" if each == used else "-",
            span((now - each.created).total_seconds()),
            moment(each.updated),
            ending(each.expires_at),
            left(each.expires_at, now),
        )


def _summary(
    registered: Registered, used: RegisteredCredential | None, now: datetime
) -> dict[str, Any]:
    return {
        "environment": registered.environment,
        "address": registered.address,
        "state": str(registered.state),
        "created": iso(registered.created),
        "in_use": _credential_document(used, now) if used else None,
    }


def _document(
    registered: Registered, used: RegisteredCredential | None, now: datetime
) -> dict[str, Any]:
    credentials = [_credential_document(each, now) for each in registered.credentials]
    return _summary(registered, used, now) | {"credentials": credentials}
