"""Providers and sinks by their type name: the built-in ones, and those of other packages.

A plug-in is a module (or any object) with `Options`, a subclass of
`refresher.options.Options`, and `build(options, tools)`. A package offers one
by an entry point in the group `refresher.providers` or `refresher.sinks`:

    [project.entry-points."refresher.providers"]
    vault = "acme_vault.provider"

`build` returns the provider or the sink. A provider's may also return a mapping
of suffix to provider, for settings that take several: `prod` becomes
`prod/us-west-2` and `prod/eu-west-1`.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from refresher.errors import PermanentError
from refresher.options import Options
from refresher.ports import Tools

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Kind(StrEnum):
    """What a plug-in is."""

    PROVIDER = "provider"
    SINK = "sink"

    @property
    def section(self) -> str:
        """The settings that configure plug-ins of this kind."""
        return f"{self}s"

    @property
    def group(self) -> str:
        """The group of entry points."""
        return f"refresher.{self}s"


BUILT_IN: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        Kind.PROVIDER: MappingProxyType(
            {
                "ecr": "refresher.providers.ecr",
                "ecr-public": "refresher.providers.ecr_public",
                "gcr": "refresher.providers.gcr",
                "static": "refresher.providers.static",
            }
        ),
        Kind.SINK: MappingProxyType(
            {
                "docker-config": "refresher.sinks.docker_config",
                "kubernetes": "refresher.sinks.kubernetes",
                "memory": "refresher.sinks.memory",
                "rancher": "refresher.sinks.rancher",
                "store": "refresher.sinks.store",
            }
        ),
    }
)
"""The plug-ins of this package: type name to module."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in that was found. `name` is its type; `where` says to a person what code it is."""

    kind: Kind
    name: str
    where: str
    options: type[Options]
    build: Callable[[Any, Tools], object]

    @property
    def built_in(self) -> bool:
        """Whether it is of this package."""
        return self.name in BUILT_IN[self.kind]

    def bug(self, what: str) -> PermanentError:
        """Return what to raise when the plug-in breaks its contract."""
        return PermanentError(f"{self.where} has a bug: {what}", hint="tell its authors")


def find(kind: Kind, type_name: str) -> Plugin:
    """Return the plug-in of a type. Entry points are looked at only when it is not built in.

    Raises `PermanentError` if there is none, or if it can't be used.
    """
    module = BUILT_IN[kind].get(type_name)
    if module:
        where = f"the built-in {kind} {type_name}"
        return _loaded(kind, type_name, where, lambda: importlib.import_module(module))
    entry = _entry_point(kind, type_name)
    where = f"the plug-in {type_name} (entry point {entry.group}: {entry.value})"
    return _loaded(kind, type_name, where, entry.load)


def known_types(kind: Kind) -> tuple[str, ...]:
    """Return the type names of all plug-ins of a kind, sorted. Imports none of them."""
    return tuple(sorted({*BUILT_IN[kind], *(entry.name for entry in _entry_points(kind))}))


def _entry_points(kind: Kind) -> "Iterable[EntryPoint]":
    from importlib.metadata import entry_points  # noqa: PLC0415 - reads every installed package

    return entry_points(group=kind.group)


def _entry_point(kind: Kind, type_name: str) -> "EntryPoint":
    found = {entry.value: entry for entry in _entry_points(kind) if entry.name == type_name}
    if not found:
        from refresher.settings.wording import nearest  # noqa: PLC0415 - needed for the message only

        raise PermanentError(f"is no known type of {kind}{nearest(type_name, known_types(kind))}")
    if len(found) > 1:
        raise PermanentError(f"is offered by several packages: {', '.join(sorted(found))}")
    return next(iter(found.values()))


def _loaded(kind: Kind, type_name: str, where: str, load: Callable[[], object]) -> Plugin:
    try:
        module = load()
    except (Exception, SystemExit) as error:
        # Whatever an import raises, one broken package must be named and not end the program.
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        reason = f"the module {missing} is missing" if missing else type(error).__name__
        raise PermanentError(f"{where} can't be imported: {reason}") from error
    options, build = getattr(module, "Options", None), getattr(module, "build", None)
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise PermanentError(f"{where} has no class Options that extends refresher.options.Options")
    if not callable(build):
        raise PermanentError(f"{where} has no function build(options, tools)")
    return Plugin(kind, type_name, where, options, build)
