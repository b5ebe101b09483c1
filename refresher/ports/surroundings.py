"""What everything here is given: the time, a way to tell, the tools of a plug-in."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from refresher.model.credential import Expiry
from refresher.ports.storage import Store


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait `seconds`, or until `stop` is set; return whether it is set."""
        ...


class Severity(StrEnum):
    """How much a person should mind."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class EventName(StrEnum):
    """Everything that is told."""

    STARTED = "started"
    """The daemon begins; the detail lists its providers."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    RELOADED = "reloaded"
    """New settings are in use."""
    RELOAD_FAILED = "reload-failed"
    """New settings are wrong; the old ones stay in use."""
    CLOCK_JUMPED = "clock-jumped"
    """The wall clock moved against the monotonic one."""
    CLOCK_SKEW = "clock-skew"
    """An issuer's clock differs from this host's."""
    NOTICE = "notice"
    """A surprise that is no fault, told once."""
    FETCHED = "fetched"
    """A new credential arrived."""
    UNCHANGED = "unchanged"
    """The provider answered with the credential that is in use."""
    FETCH_FAILED = "fetch-failed"
    REJECTED = "rejected"
    """A registry does not take the credential that is in use."""
    FORBIDDEN = "forbidden"
    """A registry takes the credential in use, and gives it no right to pull."""
    UNVERIFIED = "unverified"
    """A registry could not say whether it takes a new credential."""
    LOCKED = "locked"
    """Another run holds the provider's lock."""
    WRITTEN = "written"
    """A place holds the credential now."""
    BUSY = "busy"
    """A place could not be written; time may heal it."""
    REFUSED = "refused"
    """A place could not be written; somebody has to act."""
    SKIPPED = "skipped"
    """An entry is not ours to change, or no client would read it."""
    DRIFT = "drift"
    """What was written is gone or was changed."""
    FIGHT = "fight"
    """Something else keeps changing what was written."""
    URGENT = "urgent"
    """A credential should have been renewed long ago."""
    DEAD = "dead"
    """A credential has ended and there is no new one."""
    RECORDS_FAILED = "records-failed"
    """The records can't be read or written; renewal goes on from memory."""
    LOCK_FAILED = "lock-failed"
    """A lock can't be made; the pass goes on without it."""
    LISTENING = "listening"
    """Health and metrics are served; the detail says where."""
    LISTEN_FAILED = "listen-failed"
    """Health and metrics can't be served; it is tried again, and renewal goes on."""
    FAULT = "fault"
    """A bug of refresher itself ended a pass."""
    LOG_LOST = "log-lost"
    """Lines of the log were dropped: nobody took them."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened. `name` is an `EventName`; the rest says to whom and why."""

    name: str
    severity: Severity = Severity.INFO
    provider: str = ""
    sink: str = ""
    target: str = ""
    registries: tuple[str, ...] = ()
    detail: str = ""
    hint: str = ""
    expires: Expiry | None = None


class Events(Protocol):
    """Takes what happens: a log, metrics, a test."""

    def emit(self, event: Event) -> None:
        """Take one event, at once, from any thread. Raises nothing."""
        ...


def _no_notice(message: str) -> None:
    """Drop a notice."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What `build(options, tools)` of a plug-in may use.

    `notify` tells a person something once: a surprise that is no fault. `names` are what
    messages call settings that were not written by their own names: environment variables
    that stand for a settings file.
    """

    clock: Clock
    store: Store
    env: Mapping[str, str] = field(default_factory=dict)
    notify: Callable[[str], None] = _no_notice
    names: Mapping[str, str] = field(default_factory=dict)
