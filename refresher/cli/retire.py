"""`refresher retire`."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from refresher.cli import FAILED, LOCKED_OUT, OK
from refresher.cli.notes import Notes, redacted, say
from refresher.cli.reports import place
from refresher.cli.terminal import confirm
from refresher.cli.wiring import (
    build_parts,
    config_option,
    find_settings,
    lock_timeout_option,
    open_backend,
)
from refresher.clock import SystemClock
from refresher.engine.checkup import declared, fed
from refresher.engine.retirement import Retirement, alone
from refresher.engine.workers import ThreadWorkers
from refresher.errors import LockTimeoutError
from refresher.model.nearest import nearest
from refresher.ports import Outcome, Place, Retires, Route, Written

if TYPE_CHECKING:
    from refresher.settings import Settings
    from refresher.wiring import Wiring

_SHOWN: Final = 10


@click.command("retire")
@click.argument("name", metavar="SINK")
@click.option("--yes", is_flag=True, help="Do not ask.")
@lock_timeout_option
@config_option
def command(name: str, lock_timeout: float, config: Path | None, *, yes: bool) -> int:
    """Remove what refresher put into the targets of SINK, and nothing of others.

    SINK is its name in the settings. In kubernetes, Secrets that were made here are deleted, and
    the service accounts that the settings mean lose their names before; of a Secret that holds
    what others put there, only our entries go.

    A daemon, or another run, that still feeds the sink puts all of it back: stop those first, and
    then take the sink out of the settings. Exits with 1 if something could not be removed.
    """
    settings, notes = find_settings(config), Notes()
    _insist(settings, name)
    backend = open_backend(settings, notes)
    wiring = build_parts(settings, backend, notes, SystemClock())
    retirement = Retirement(name, _retiring(settings, wiring, name), backend.records)
    registries = _registries(wiring, name, retirement.places)
    targets = tuple(wiring.sinks[name].read(registries))
    # Always: settings in which no provider feeds a sink are refused.
    say(f"warning: the settings still feed {name}: a daemon, or the next run, puts it all back")
    say("  hint: stop refresher before, and take the sink out of the settings afterwards")
    if not confirm(_question(name, targets), yes=yes):
        say("nothing is removed")
        return FAILED
    try:
        providers = {*_feeding(wiring.routes, name), *retirement.places}
        with alone(backend.lock, providers, lock_timeout):
            outcomes = retirement.run(targets, registries, ThreadWorkers())
            code = _told(name, outcomes)
            retirement.forget(outcomes)
    except LockTimeoutError as error:
        say(f"error: {error}")
        return LOCKED_OUT
    return code


def _insist(settings: "Settings", name: str) -> None:
    if name not in settings.sinks:
        there = nearest(name, settings.sinks) or f"; known: {', '.join(sorted(settings.sinks))}"
        raise click.UsageError(f"the settings have no sink {name}{there}")


def _retiring(settings: "Settings", wiring: "Wiring", name: str) -> Retires:
    sink = wiring.sinks[name]
    if isinstance(sink, Retires):
        return sink
    kind = settings.sinks[name].plugin.name
    raise click.UsageError(
        f"{name} is of the type {kind}, which does not mark what it writes: remove that by hand"
    )


def _registries(
    wiring: "Wiring", name: str, recorded: Mapping[str, Collection[Place]]
) -> tuple[str, ...]:
    """Return what the sink is to hold, and what it is recorded to hold."""
    served = fed(wiring.routes, declared(wiring.sources)).get(name, ())
    known = (registry for places in recorded.values() for _, _, registry in places)
    return tuple(dict.fromkeys((*served, *known)))


def _feeding(routes: Collection[Route], name: str) -> Collection[str]:
    return {provider for route in routes if name in route.sinks for provider in route.providers}


def _question(name: str, targets: Collection[str]) -> str:
    shown = ", ".join(sorted(targets)[:_SHOWN])
    more = f" and {len(targets) - _SHOWN} more" if len(targets) > _SHOWN else ""
    return f"Remove from {name} what refresher put into {shown}{more}?"


def _told(name: str, outcomes: Mapping[str, Outcome]) -> int:
    for target, outcome in outcomes.items():
        if not isinstance(outcome, Written):
            click.echo(redacted(f"{place(name, target)}: not done: {outcome.reason}"))
            continue
        for note in outcome.notes or ("nothing of ours is there",):
            click.echo(redacted(f"{place(name, target)}: {note}"))
    done = sum(isinstance(each, Written) for each in outcomes.values())
    click.echo(f"retired {done} of {len(outcomes)} target(s) of {name}")
    return OK if done == len(outcomes) else FAILED
