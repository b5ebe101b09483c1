"""The registry page of a store: where it is, and what its commands have in common."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refresher.cli.notes import Notes, say
from refresher.cli.output import output_option
from refresher.cli.wiring import (
    STORE_VARIABLE,
    bare_settings,
    config_option,
    find_settings,
    is_absent,
    is_configured,
    open_backend,
    store_location,
)
from refresher.clock import SystemClock
from refresher.errors import PermanentError, Problem, SettingsError
from refresher.model.registered import DEFAULT_ENVIRONMENT, Preference
from refresher.model.whitelist import PageSettings
from refresher.ports import Clock
from refresher.ports.registries import Registries

if TYPE_CHECKING:
    from refresher.settings import Settings

environment_option = click.option(
    "--environment",
    metavar="NAME",
    default=DEFAULT_ENVIRONMENT,
    show_default=True,
    help="The environment of the registry.",
)
yes_option = click.option("--yes", is_flag=True, help="Don't ask whether that is meant.")


def _location(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    from refresher.store.location import location_defect  # noqa: PLC0415 - with the store

    wrong = location_defect(text) if text is not None else ""
    if wrong:
        raise click.BadParameter(wrong)
    return text


store_option = click.option(
    "--store",
    metavar="LOCATION",
    callback=_location,
    help=f"The store, in the place of the settings' one or of {STORE_VARIABLE}.",
)


def settings_of_store(config: Path | None, store: str | None) -> "Settings":
    """Return the settings that there are, with `store` in the place of theirs if it is given."""
    settings = find_settings(config) if is_configured(config) else bare_settings()
    return replace(settings, store=store or settings.store)


@dataclass(frozen=True, slots=True)
class Page:
    """The registry page of a store that is open.

    `style` tells how to print it: `table` or `json`.
    """

    registries: Registries
    clock: Clock
    style: str

    @property
    def preference(self) -> Preference:
        """Which active credential of a registry is in use."""
        return PageSettings.of(self.registries.settings()).preference


def on_page(*, read_only: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return what makes a command of a function that takes a `Page`.

    Beside its own options it takes `--config`, `--store` and `--output`. With
    `read_only` a store that is not there yet is not made, and its page is empty.
    """

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def opened(*, config: Path | None, store: str | None, style: str, **words: Any) -> int:
            registries = _open(config, store, read_only=read_only)
            return function(Page(registries, SystemClock(), style), **words)

        return config_option(store_option(output_option(opened)))

    return decorate


def _open(config: Path | None, store: str | None, *, read_only: bool) -> Registries:
    """Open the store that the command line, else the settings, name.

    Raises `SettingsError` for one that ends with the command.
    """
    settings = settings_of_store(config, store)
    location = store_location(settings)
    if read_only and is_absent(location):
        say(f"notice: there is no store at {location} yet")
        settings = replace(settings, store=_empty_store(location))
    backend = open_backend(settings, Notes())
    if backend.registries is None:
        raise SettingsError(
            "store",
            (Problem("is memory, where nothing that is registered would last"),),
            hint="name a file with --store FILE, or with store: in the settings",
        )
    return backend.registries


def _empty_store(absent: str) -> str:
    """Return the location of a store that ends with the command, for the one that is absent.

    Raises `PermanentError` where there is no room for it.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - mostly there is a store

    try:
        folder = TemporaryDirectory(prefix="refresher-")
    except OSError:
        # As in a container whose file system is read-only.
        raise PermanentError(
            f"there is nothing to show: there is no store at {absent} yet",
            hint="`refresher registry add` makes it",
        ) from None
    click.get_current_context().call_on_close(folder.cleanup)
    return f"{folder.name}/refresher.db"
