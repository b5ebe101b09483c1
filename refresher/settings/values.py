"""The settings, read and found right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refresher.model.lease import Terms
from refresher.options import Options
from refresher.plugins import Plugin
from refresher.ports import Route
from refresher.registry.policy import Policy, Trust
from refresher.settings.frame import DRIFT_INTERVAL, LogFormat, LogLevel


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """A provider or a sink as the settings configure it.

    `origin` is a hash of all that decides which credential it gives: its options
    as they were written, the directory that paths start from, and the
    environment variables that its `*_env` options name. A weak password could be
    guessed from it, so it is in no repr, and leaves memory under a key only.
    `line` is where it stands in the file, `names` are for `Tools`.
    """

    name: str
    plugin: Plugin
    options: Options
    terms: Terms = Terms()
    origin: str = field(default="", repr=False)
    line: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `source` is their file, or what stands for it in messages.

    `store` is `memory`, an absolute path or the URL of a server, None for the default place;
    `store_password_file` is for that server, `store_key_file` to seal what is stored;
    `directory` is where relative paths start; `drift_interval` is in seconds, and
    so is `start_jitter`, None where the settings don't say.
    Routes name providers and sinks as the settings do. `listen` is an address that
    `refresher.model.listen` takes, None where the settings don't say. `verify` tells
    how each provider's credentials are tried; those of others are not. `trust` says by
    address how single registries are recognised. `notices` are surprises for a person.
    """

    source: str
    directory: Path
    store: str | None = None
    providers: Mapping[str, PluginSettings] = field(default_factory=dict)
    sinks: Mapping[str, PluginSettings] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    verify: Mapping[str, Policy] = field(default_factory=dict)
    drift_interval: float = DRIFT_INTERVAL
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"
    listen: str | None = None
    start_jitter: float | None = None
    notices: tuple[str, ...] = ()
    trust: Mapping[str, Trust] = field(default_factory=dict)
    store_password_file: Path | None = None
    store_key_file: Path | None = None
