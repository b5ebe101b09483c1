"""`refresher manifest`: what a cluster needs for the settings, as YAML for `kubectl apply`."""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import click

from refresher.cli import OK
from refresher.cli.notes import Notes
from refresher.cli.wiring import build_parts, config_option, find_settings
from refresher.clock import SystemClock
from refresher.engine.checkup import declared, fed
from refresher.errors import Problem, SettingsError
from refresher.settings import Settings
from refresher.settings.tree import field_name
from refresher.settings.wording import nearest
from refresher.sinks.kubernetes import Options
from refresher.sinks.kubernetes.manifest import ServiceAccount, documents
from refresher.sinks.kubernetes.names import SUBDOMAIN
from refresher.sinks.kubernetes.rules import needed
from refresher.store import MEMORY, open_store


def _named(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not SUBDOMAIN.fullmatch(name):
        raise click.BadParameter("it is no name in Kubernetes")
    return name


@click.group("manifest")
def command() -> None:
    """Print what a cluster needs for the settings, as YAML for `kubectl apply -f -`."""


@command.command("rbac")
@click.option(
    "--service-account",
    "account",
    default="refresher",
    show_default=True,
    callback=_named,
    help="Who is given the rights.",
)
@click.option(
    "--namespace",
    default="refresher",
    show_default=True,
    callback=_named,
    help="Where it is, and what sinks without namespaces mean.",
)
@click.option(
    "--sink",
    "chosen",
    multiple=True,
    metavar="NAME",
    help="For this sink alone; may be repeated. Needed where they are in several clusters.",
)
@click.option("--retire", is_flag=True, help="Also what `refresher retire` needs.")
@config_option
def rbac(
    account: str, namespace: str, chosen: tuple[str, ...], config: Path | None, *, retire: bool
) -> int:
    """Print the least roles for the kubernetes sinks, bound to a service account.

    A Role in each namespace where the settings name all of them; else a ClusterRole, for a
    pattern, a regex or labels need the list of namespaces. Nobody is asked.
    """
    import yaml  # noqa: PLC0415 - slow to import, and of no use to those who err

    settings = find_settings(config)
    sinks = _in_one_cluster(settings, _chosen(settings, chosen))
    rules = [
        needed(
            options.chosen(namespace),
            _secrets(settings, name, options),
            options.accounts,
            retiring=retire,
        )
        for name, options in sinks.items()
    ]
    found = documents(ServiceAccount(namespace, account), rules)
    click.echo(yaml.safe_dump_all(found, sort_keys=False, explicit_start=True), nl=False)
    return OK


def _chosen(settings: Settings, names: Iterable[str]) -> dict[str, Options]:
    sinks = {
        name: each.options
        for name, each in settings.sinks.items()
        if isinstance(each.options, Options)
    }
    if not sinks:
        problem = Problem("there is no sink of the type kubernetes")
        raise SettingsError(settings.source, (problem,), hint="add one, or name another file")
    for name in names:
        if name not in sinks:
            raise click.UsageError(f"no kubernetes sink is called {name}{nearest(name, sinks)}")
    return {name: sinks[name] for name in names or sinks}


def _in_one_cluster(settings: Settings, sinks: Mapping[str, Options]) -> Mapping[str, Options]:
    """Return the sinks. Raises `SettingsError` if they are in several clusters."""
    if len({(each.kubeconfig, each.context) for each in sinks.values()}) > 1:
        problem = Problem(f"{', '.join(sinks)} are in several clusters, or seem to be", "sinks")
        raise SettingsError(settings.source, (problem,), hint="choose those of one with --sink")
    return sinks


def _secrets(settings: Settings, name: str, options: Options) -> tuple[str, ...]:
    """Return the names of the Secrets of a sink. Raises `SettingsError` if they can't be told."""
    if options.secret.is_fixed:
        return (str(options.secret),)
    wiring = build_parts(settings, open_store(MEMORY), Notes(), SystemClock())
    known = declared(wiring.sources)
    feeding = (route.providers for route in wiring.routes if name in route.sinks)
    unknown = [each for each in chain.from_iterable(feeding) if not known.get(each)]
    if unknown:
        text = f"is one for each registry, and those of {', '.join(unknown)} are not known"
        field = field_name(("sinks", name, "secret"))
        problem = Problem(text, field, settings.sinks[name].line)
        hint = "name the registries of those providers, or set secret to one name"
        raise SettingsError(settings.source, (problem,), hint=hint)
    return tuple(options.secret.all(fed(wiring.routes, known)[name]))
