"""Registries and credentials that are activated, deactivated and removed."""

from refresher.cli import FAILED, OK
from refresher.cli.notes import say
from refresher.cli.page.editing import find_credential
from refresher.cli.page.opening import Page
from refresher.cli.page.views import named, print_change
from refresher.cli.terminal import confirm
from refresher.model.registered import Registered, RowState


def set_registry(
    page: Page, environment: str, address: str, state: RowState, *, yes: bool = False
) -> int:
    """Set the state of a registry and print it; unless `yes`, ask before one is removed."""
    before = page.registries.registry(environment, address)
    question = f"Remove {_registry(before)} and {_number(before)} for good?"
    if not _is_meant(question, before.state, state, yes=yes):
        return FAILED
    after = page.registries.set_registry(environment, address, state)
    print_change(_sentence(_registry(before), before.state, state), after, page)
    return OK


def set_credential(
    page: Page, environment: str, address: str, number: int, state: RowState, *, yes: bool = False
) -> int:
    """Set the state of a credential and print it; unless `yes`, ask before one is removed."""
    registered = page.registries.registry(environment, address)
    before = find_credential(page, registered, number)
    what = f"{named(before)} at {_registry(registered)}"
    if not _is_meant(f"Remove {what} for good?", before.state, state, yes=yes):
        return FAILED
    page.registries.set_credential(environment, address, number, state)
    after = page.registries.registry(environment, address)
    print_change(_sentence(what, before.state, state), after, page)
    return OK


def _is_meant(question: str, before: RowState, state: RowState, *, yes: bool) -> bool:
    # An active one is refused by the store: no need to ask.
    if state is not RowState.REMOVED or before is RowState.ACTIVE or confirm(question, yes=yes):
        return True
    say("nothing is changed")
    return False


def _sentence(what: str, before: RowState, state: RowState) -> str:
    return f"{what} is {state}{' already' if before is state else ''}"


def _registry(registered: Registered) -> str:
    return f"registry {registered.address} of environment {registered.environment}"


def _number(registered: Registered) -> str:
    number = len(registered.credentials)
    return f"its {number} credential{'' if number == 1 else 's'}"
