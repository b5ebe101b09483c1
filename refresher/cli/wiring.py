"""From the command line to an engine: find the settings, open the store, build the parts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from refresher.clock import SystemClock
from refresher.engine.announce import NoEvents
from refresher.engine.engine import Engine
from refresher.engine.ledger import Ledger
from refresher.engine.workers import Workers
from refresher.errors import Problem, SettingsError
from refresher.ports import Clock, Event, EventName, Events, Severity

if TYPE_CHECKING:
    from refresher.model.standing import Standing
    from refresher.settings import Settings
    from refresher.store import Backend
    from refresher.wiring import Wiring

_PLACES: Final = (Path("refresher.yaml"), Path("/etc/refresher/refresher.yaml"))

STORE_VARIABLE: Final = "REFRESHER_STORE"
"""The environment variable that names the store where the settings don't say."""

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar="REFRESHER_CONFIG",
    help="The settings file; default $REFRESHER_CONFIG, else ./refresher.yaml, else"
    " /etc/refresher/refresher.yaml.",
)
registry_option = click.option(
    "--registry",
    "registries",
    multiple=True,
    metavar="HOST",
    help="Serve this ECR or Google registry without a settings file; may be repeated.",
)
lock_timeout_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds to wait for another run.",
)


@dataclass(frozen=True, slots=True)
class Plant:
    """Everything that a command works with."""

    settings: "Settings"
    backend: "Backend"
    engine: Engine
    clock: Clock


def find_settings(config: Path | None, registries: Sequence[str] = ()) -> "Settings":
    """Return the settings of a file, or those that the registries or the environment imply.

    Raises `SettingsError` if there is neither.
    """
    if registries and config is not None:
        raise click.UsageError(
            "--registry goes without --config and REFRESHER_CONFIG: name the hosts in the file"
        )
    _spare_pydantics_plugins()
    from refresher import settings  # noqa: PLC0415 - pydantic only where settings are read

    if registries:
        return settings.for_registries(registries, os.environ)
    path = config or settings_file()
    if path is not None:
        return settings.load(path, os.environ)
    if settings.is_for_cattle(os.environ):
        return settings.for_cattle(os.environ)
    raise SettingsError(
        "settings",
        (Problem(f"there is neither {_PLACES[0]} nor {_PLACES[1]}"),),
        hint="name a file with --config FILE, or try: refresher once --registry HOST",
    )


def settings_for(registry: str, config: Path | None) -> "Settings":
    """Return the settings that may know `registry`: those there are, else a cloud's, else none."""
    from refresher.model.cloudhosts import provider_for  # noqa: PLC0415 - for `get` alone

    if is_configured(config):
        return find_settings(config)
    if provider_for(registry) is not None:
        return find_settings(None, [registry])
    return bare_settings()


def bare_settings() -> "Settings":
    """Return settings with nothing but the default store."""
    from refresher.settings import Settings  # noqa: PLC0415 - pydantic where settings are read

    return Settings("", Path())


def open_plant(settings: "Settings", events: Events, *, read_only: bool = False) -> Plant:
    """Open the store and build the engine that the settings describe.

    With `read_only` a store that is not there yet is not made.
    """
    backend = open_backend(settings, events, read_only=read_only)
    clock = SystemClock()
    return Plant(settings, backend, build_engine(settings, backend, events, clock), clock)


def open_backend(settings: "Settings", events: Events, *, read_only: bool = False) -> "Backend":
    """Open the store at `store_location`, until the command ends.

    With `read_only` a store that is not there yet is one in memory.
    """
    from refresher.store import (  # noqa: PLC0415 - SQLite only where a store is used
        MEMORY,
        open_store,
    )

    location = store_location(settings)
    asked_for = MEMORY in (settings.store, os.environ.get(STORE_VARIABLE))
    if location == MEMORY and not asked_for:
        detail = "no place for the store is writable: what is recorded ends with this process"
        hint = f"set store in the settings, or {STORE_VARIABLE}, to a path that can be written"
        events.emit(Event(EventName.NOTICE, Severity.WARNING, detail=detail, hint=hint))
    keys = key_file(settings)
    if keys is not None:
        _tell_exposure(keys, events)
    backend = open_store(
        MEMORY if read_only and is_absent(location) else location,
        password_file=settings.store_password_file,
        key_file=keys,
    )
    click.get_current_context().call_on_close(backend.close)
    return backend


def key_file(settings: "Settings") -> Path | None:
    """Return the file of the store's keys: the settings say, else `REFRESHER_STORE_KEY_FILE`."""
    from refresher.store.sealing.keyfile import VARIABLE  # noqa: PLC0415 - as above

    named = os.environ.get(VARIABLE)
    return settings.store_key_file or (Path(named) if named else None)


def _tell_exposure(keys: Path, events: Events) -> None:
    from refresher.store.sealing.keyfile import KeyFile  # noqa: PLC0415 - as above

    exposure = KeyFile(keys).exposure()
    if exposure:
        hint = f"chmod 600 {keys}, or mount it with such a mode"
        events.emit(Event(EventName.NOTICE, Severity.WARNING, detail=exposure, hint=hint))


def store_location(settings: "Settings") -> str:
    """Return where the store is: the settings say, else `REFRESHER_STORE`, else the default.

    Raises `SettingsError` if the variable names no place.
    """
    from refresher.store import default_location  # noqa: PLC0415 - as above
    from refresher.store.location import location_defect  # noqa: PLC0415 - as above

    named = os.environ.get(STORE_VARIABLE)
    if settings.store or not named:
        return settings.store or default_location(os.environ)
    wrong = location_defect(named)
    if wrong:
        raise SettingsError(STORE_VARIABLE, (Problem(wrong),))
    return named


def is_absent(location: str) -> bool:
    """Tell whether a store at `location` would be a new file."""
    from refresher.store.location import MEMORY, file_of  # noqa: PLC0415 - as above

    # Not Path.exists, which raises where a directory on the way may not be searched.
    return not (location == MEMORY or "://" in location or os.path.exists(file_of(location)))  # noqa: PTH110


def build_engine(
    settings: "Settings",
    backend: "Backend",
    events: Events,
    clock: Clock,
    workers: Workers | None = None,
) -> Engine:
    """Build the engine that the settings describe on a store that is open."""
    wiring = build_parts(settings, backend, events, clock)
    return Engine(
        wiring.sources,
        wiring.sinks,
        routes=wiring.routes,
        records=backend.records,
        lock=backend.lock,
        clock=clock,
        events=events,
        workers=workers,
    )


def build_parts(settings: "Settings", backend: "Backend", events: Events, clock: Clock) -> "Wiring":
    """Build the providers and sinks that the settings describe."""
    from refresher.wiring import wire  # noqa: PLC0415 - pydantic only where settings are read

    return wire(
        settings,
        clock=clock,
        store=backend.store,
        env=os.environ,
        events=events,
        # A store that is away costs a fetch, and keeps nobody from starting.
        # The engine tells of it.
        fingerprint=Ledger(backend.records, NoEvents()).fingerprint,
    )


def read_standings(config: Path | None, events: Events) -> tuple[list["Standing"], datetime]:
    """Return how every recorded place stands, and the time by which that was judged.

    With settings their providers count; without any, whatever the default store
    has recorded.
    """
    from refresher.engine.standing import standings  # noqa: PLC0415 - for `status` alone

    configured = is_configured(config)
    settings = find_settings(config) if configured else bare_settings()
    plant = open_plant(settings, events, read_only=True)
    fed = plant.engine.routes if configured else None
    now = plant.clock.now()
    return standings(plant.backend.records, now, fed), now


def is_configured(config: Path | None) -> bool:
    """Tell whether a file, one in its usual place or the environment holds settings."""
    if config is not None or settings_file() is not None:
        return True
    _spare_pydantics_plugins()
    from refresher.settings import is_for_cattle  # noqa: PLC0415 - pydantic where settings are read

    return is_for_cattle(os.environ)


def settings_file() -> Path | None:
    """Return the settings file that is used when none is named, None if there is none."""
    return next((place for place in _PLACES if place.is_file()), None)


def _spare_pydantics_plugins() -> None:
    # Pydantic looks through all installed packages for plug-ins of its own; none is meant for us.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
