"""What settings may hold outside the options of plug-ins, and of which kind each value is."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from refresher.model import listen
from refresher.options import Delay, Duration, Options, SettingsPath, from_settings_file
from refresher.plugins import Kind
from refresher.store.location import MEMORY, location_defect
from refresher.store.serverurl import is_server

DRIFT_INTERVAL: Final = 300.0
"""Seconds between two looks at what the sinks hold, unless the settings say otherwise."""

NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
"""The name of a provider or a sink. No slash: it parts a provider from its suffix."""

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "console", "json"]


def _store(text: str, info: ValidationInfo) -> str:
    defect = location_defect(text)
    if defect:
        raise ValueError(defect)
    if text == MEMORY or is_server(text):
        return text
    return str(from_settings_file(Path(text), info))


def _listen(text: str) -> str:
    defect = listen.defect(text)
    if defect:
        raise ValueError(defect)
    return text


class Frame(Options):
    """What stands at the top. Sections are looked into one by one."""

    store: Annotated[str, AfterValidator(_store)] | None = None
    store_password_file: SettingsPath | None = None
    store_key_file: SettingsPath | None = None
    providers: dict[str, object] | None = None
    sinks: dict[str, object] | None = None
    routes: list[object] | None = None
    verify: object = None
    trust: dict[str, object] | None = None
    drift_interval: Duration = DRIFT_INTERVAL
    start_jitter: Delay | None = None
    listen: Annotated[str, AfterValidator(_listen)] | None = None
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"


class SinkFrame(Options):
    """What every sink has; the rest are options of its plug-in."""

    type: str


class ProviderFrame(SinkFrame):
    """What every provider has; the rest are options of its plug-in."""

    interval: Duration | None = None
    max_age: Duration | None = None


class RouteFrame(Options):
    """One route: the names of providers and of the sinks that they feed."""

    # `verify` is looked into by itself, as the one at the top is.
    verify: object = None
    providers: Annotated[tuple[str, ...], Field(alias="from", min_length=1)]
    sinks: Annotated[tuple[str, ...], Field(alias="to", min_length=1)]


FRAMES: Final[Mapping[Kind, type[SinkFrame]]] = MappingProxyType(
    {Kind.PROVIDER: ProviderFrame, Kind.SINK: SinkFrame}
)
"""What each kind of plug-in has beside its options."""


def names_of(model: type[Options]) -> tuple[str, ...]:
    """Return the names that the fields of `model` have in the settings."""
    return tuple(field.alias or name for name, field in model.model_fields.items())
