"""`refresher resolve`."""

from typing import Any, Final

import click

from refresher.cli import NO_ANSWER, OK
from refresher.cli.arguments import PageCommand, argument
from refresher.cli.notes import say
from refresher.cli.output import ending, iso, left, print_json, print_table, seconds_left
from refresher.cli.page.opening import Page, environment_option, on_page
from refresher.model.image import ImageReference
from refresher.model.resolving import Unresolved
from refresher.observe.lines import printable
from refresher.ports.registries import Resolved

_COLUMNS: Final = ("IMAGE", "REGISTRY", "CREDENTIAL", "EXPIRES", "LEFT")


@click.command("resolve", cls=PageCommand)
@click.argument("image")
@environment_option
@on_page(read_only=True)
def command(page: Page, image: str, environment: str) -> int:
    """Show what `docker run IMAGE` would pull with, by the registry store.

    Whitelist, default registry and states count, as `refresher setting` and `refresher
    registry` set them. Exits with 4 and the reason if nothing would be used.
    """
    with argument("IMAGE"):
        ImageReference.parse(image).registry  # noqa: B018 - refuses a domain that is no address
    found = page.registries.resolve(image, environment, page.clock.now())
    if page.style == "json":
        print_json(_document(found, environment, page))
    elif isinstance(found, Resolved):
        print_table(_COLUMNS, [_row(found, page)])
    if isinstance(found, Unresolved):
        say(f"no answer: {found.sentence}")
        return NO_ANSWER
    return OK


def _row(found: Resolved, page: Page) -> tuple[str, ...]:
    end = found.credential.expires_at
    return (
        str(found.image),
        printable(found.registry),
        printable(found.credential.username),
        ending(end),
        left(end, page.clock.now()),
    )


def _document(found: Resolved | Unresolved, environment: str, page: Page) -> dict[str, Any]:
    document: dict[str, Any] = {
        "image": str(found.image),
        "environment": environment,
        "registry": found.registry,
        "reason": None,
        "detail": None,
        "credential": None,
    }
    if isinstance(found, Unresolved):
        return document | {"reason": str(found.reason), "detail": found.sentence}
    used = found.credential
    credential = {
        "username": used.username,
        "email": used.email or None,
        "issued": iso(used.issued_at),
        "expires": iso(used.expires_at),
        "seconds_left": seconds_left(used.expires_at, page.clock.now()),
    }
    return document | {"credential": credential}
