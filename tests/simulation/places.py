"""Tokens, and the places that hold them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tests.simulation.uptime import Uptime


@dataclass(slots=True, eq=False)
class Token:
    """One secret: when it was minted, and when it truly ends (true time).

    `due` is the latest moment at which its renewal is to begin, `told_life` what its
    receiver knows of its life, both set when it arrives. `misjudged` tells that the
    receiver can't know the end; `error` is how wrong its wall clock was then.
    """

    issuer: str
    serial: int
    minted: float
    ends: float
    received: float = 0.0
    due: float = 0.0
    told_life: float = 0.0
    told_end: datetime | None = None
    misjudged: bool = False
    error: float = 0.0

    def __str__(self) -> str:
        return f"token {self.serial}"

    @property
    def secret(self) -> str:
        """The text that the token is."""
        return f"{self.issuer}-secret-{self.serial}"


class Owner(Protocol):
    """What a place needs to know of its issuer."""

    name: str
    uptime: Uptime
    places: "list[Place]"
    newest: Token | None
    asked: float
    doubted: bool
    blind: bool
    doubted_at: float
    muddled_until: float

    def offers_after(self, token: Token) -> float:
        """Return the moment from which another token is to be had."""
        ...


class Part(Protocol):
    """What a place needs to know of its target and of the daemon."""

    name: str
    uptime: Uptime


@dataclass(slots=True, eq=False)
class Place:
    """One registry at one target: what it truly holds.

    `disturbed` is when somebody else changed it, or a write that was reported as done
    was not, None after a write of ours. `unrecorded`: what was written is not known to have
    been. `sink` is down while a call to any target of the
    sink hangs, `hang` while one to any sink of the issuer does: its pass waits then.
    """

    issuer: Owner
    target: Part
    service: Part
    registry: str
    added: float
    drift_interval: float
    sink: Uptime
    hang: Uptime
    site: str = ""
    token: Token | None = None
    disturbed: float | None = None
    unsure: bool = False
    unrecorded: bool = False
    opaque: bool = False
    gone: bool = False
    _near: tuple[Uptime, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._near = (self.issuer.uptime, self.target.uptime, self.service.uptime, self.sink)

    def __str__(self) -> str:
        return f"{self.target.name}/{self.registry}"

    def uptimes(self) -> tuple[Uptime, ...]:
        """Return all that has to work for the place to be served."""
        return (*self._near, self.hang)

    def since(self) -> float | None:
        """Return since when the place can be served, None if it can't be now."""
        latest = self.added
        for each in (*self._near, self.hang):
            since = each.since()
            if since is None:
                return None
            latest = max(latest, since)
        return latest

    def permanent(self) -> float:
        """Return when the last fault that only a person heals was healed at the place."""
        return max(each.permanent for each in self._near)

    def usable(self, since: float) -> bool:
        """Tell whether the place could be served from `since` on, whatever other sinks do."""
        return not any(each.down or each.settled > since for each in self._near)

    def doubtful(self, now: float) -> bool:
        """Tell whether a process may have been wrong about the place without a fault of its own.

        Its records may say what is not so, or another one was at work at the same time.
        """
        if now < self.issuer.muddled_until or self.unsure or self.issuer.doubted:
            return True
        # Of a sink that hung nobody knows what it wrote, and where it is opaque nobody can look.
        if not self.opaque or self.token is None:
            return False
        return bool(self.sink.down) or self.sink.settled >= self.token.received
