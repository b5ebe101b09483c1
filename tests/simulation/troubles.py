"""What can be wrong with an issuer or a target while it lasts."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from refresher.errors import ClockError, PermanentError, RetryableError
from refresher.model.credential import Expiry
from refresher.ports import Busy, Outcome, Refused, Written
from tests.simulation import issuers, telling
from tests.simulation.issuers import Issuer
from tests.simulation.kernel import Kernel
from tests.simulation.places import Place, Token
from tests.simulation.sites import Trouble, Work

_ROUND_TRIP = 0.02
_FETCH_ENDS = 30.5
_SINK_ENDS = 60.5
_ASKED: Final = (None, 1.0, 30.0, 86_400.0)
"""What those that throttle ask for, in seconds."""


@dataclass(frozen=True, slots=True)
class IssuerTrouble:
    """How an issuer fails. `outage` is False for what is bad and yet an answer to live on.

    `linger` is how long a call that was begun in it may take, in seconds.
    """

    call: issuers.Trouble | None = None
    told: Callable[[Token], Expiry] | None = None
    life: Callable[[], float] | None = None
    stuck: Token | None = None
    permanent: bool = False
    outage: bool = True
    linger: float = 0.0


def _raising(make: Callable[[], Exception]) -> issuers.Trouble:
    def call(issuer: Issuer, _deadline: float) -> None:
        issuer.kernel.sleep(_ROUND_TRIP)
        raise make()

    return call


def _timing_out(issuer: Issuer, deadline: float) -> None:
    issuer.kernel.sleep(deadline)
    raise RetryableError("the connection timed out")


def _hanging(draw: random.Random) -> issuers.Trouble:
    def call(issuer: Issuer, deadline: float) -> None:
        if draw.random() < 0.5:
            issuer.kernel.park()
        issuer.kernel.sleep(deadline + 1 + draw.random() * 3600)

    return call


def _nonsense(issuer: Issuer, _deadline: float) -> object:
    issuer.allowance.failed()
    return {"token": "of no known type"}


def _slow(issuer: Issuer, deadline: float) -> None:
    issuer.kernel.sleep(deadline * 0.6)


def _throttled(_issuer: Issuer, draw: random.Random) -> IssuerTrouble:
    asked = draw.choice(_ASKED)
    return IssuerTrouble(_raising(lambda: RetryableError("Rate exceeded", retry_after=asked)))


def _nearly_dead(issuer: Issuer, draw: random.Random) -> IssuerTrouble:
    return IssuerTrouble(stuck=issuer.mint(draw.uniform(3, 40)), permanent=True)


def _short_life(_issuer: Issuer, draw: random.Random) -> IssuerTrouble:
    return IssuerTrouble(life=lambda: draw.uniform(0.05, 0.5), outage=False)


def _retryable(message: str) -> Callable[[Issuer, random.Random], IssuerTrouble]:
    return lambda *_: IssuerTrouble(_raising(lambda: RetryableError(message)))


def _permanent(make: Callable[[], Exception]) -> Callable[[Issuer, random.Random], IssuerTrouble]:
    return lambda *_: IssuerTrouble(_raising(make), permanent=True)


ISSUER_TROUBLES: Final[Mapping[str, Callable[[Issuer, random.Random], IssuerTrouble]]] = {
    "throttled": _throttled,
    "server error": _retryable("502 Bad Gateway"),
    "expired session": _retryable("the session has expired"),
    "timing out": lambda *_: IssuerTrouble(_timing_out, linger=_FETCH_ENDS),
    "hanging": lambda _, draw: IssuerTrouble(_hanging(draw), linger=_FETCH_ENDS),
    "denied": _permanent(lambda: PermanentError("denied")),
    "clock refused": _permanent(lambda: ClockError("the clocks disagree", skew=3600.0)),
    "bug": _permanent(ZeroDivisionError),
    "nonsense": lambda *_: IssuerTrouble(_nonsense, permanent=True),
    "ended answer": lambda *_: IssuerTrouble(told=telling.told_past, permanent=True),
    "1970": lambda *_: IssuerTrouble(told=telling.told_in_1970, permanent=True),
    "nearly dead": _nearly_dead,
    "short life": _short_life,
    "no expiry": lambda *_: IssuerTrouble(told=telling.told_nothing, outage=False),
    "year 9999": lambda *_: IssuerTrouble(told=telling.told_in_year_9999, outage=False),
    "slow": lambda *_: IssuerTrouble(_slow, outage=False),
}
"""What each fault of an issuer is, drawn for one."""


@dataclass(frozen=True, slots=True)
class Answering:
    """A target that answers a write, and perhaps a read, with one and the same."""

    outcome: Callable[[], Busy | Refused]
    reads: bool = False

    def read(self) -> Busy | Refused | None:
        """See `Trouble.read`."""
        return self.outcome() if self.reads else None

    def write(self, _apply: Work, _places: Sequence[Place]) -> Outcome:
        """See `Trouble.write`."""
        return self.outcome()


@dataclass(frozen=True, slots=True)
class Hanging:
    """A target whose calls hang, for ever or for so long that nobody waits any more."""

    kernel: Kernel
    draw: random.Random
    reads: bool
    late: bool

    def read(self) -> Busy | Refused | None:
        """See `Trouble.read`."""
        if self.reads:
            self.kernel.park()
        return None

    def write(self, apply: Work, _places: Sequence[Place]) -> Outcome:
        """See `Trouble.write`."""
        if not self.late:
            self.kernel.park()
        self.kernel.sleep(self.draw.uniform(1.1, 1.0 + 10.0 ** self.draw.uniform(1, 4)))
        return apply()


@dataclass(frozen=True, slots=True)
class Losing:
    """A target that says that it has written, and has not; `tell` hears of each place."""

    tell: Callable[[Place], None]

    def read(self) -> Busy | Refused | None:
        """See `Trouble.read`."""
        return None

    def write(self, _apply: Work, places: Sequence[Place]) -> Outcome:
        """See `Trouble.write`."""
        for place in places:
            self.tell(place)
        return Written()


class Unsure:
    """A target that has written, and whose answer got lost."""

    def read(self) -> Busy | Refused | None:
        """See `Trouble.read`."""
        return None

    def write(self, apply: Work, places: Sequence[Place]) -> Outcome:
        """See `Trouble.write`."""
        apply()
        for place in places:
            place.unsure, place.unrecorded = place.opaque, True
        return Busy("the connection was lost")


@dataclass(frozen=True, slots=True)
class TargetTrouble:
    """How a target fails, and how long a call that was begun in it may take, in seconds."""

    trouble: Trouble
    permanent: bool = False
    linger: float = 0.0


def _broken() -> Busy | Refused:
    raise ZeroDivisionError


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault of a target is made from; `tell` hears of a place that is not as we believe."""

    kernel: Kernel
    draw: random.Random
    tell: Callable[[Place], None]

    def heads(self) -> bool:
        """Throw a coin."""
        return self.draw.random() < 0.5


def _busy(scene: Scene) -> TargetTrouble:
    asked = scene.draw.choice(_ASKED)
    return TargetTrouble(Answering(lambda: Busy("locked", asked), scene.heads()))


def _hanging_target(scene: Scene) -> TargetTrouble:
    hanging = Hanging(scene.kernel, scene.draw, scene.heads(), late=False)
    return TargetTrouble(hanging, linger=_SINK_ENDS)


def _late_write(scene: Scene) -> TargetTrouble:
    hanging = Hanging(scene.kernel, scene.draw, reads=False, late=True)
    return TargetTrouble(hanging, linger=_SINK_ENDS)


TARGET_TROUBLES: Final[Mapping[str, Callable[[Scene], TargetTrouble]]] = {
    "busy": _busy,
    "conflict": lambda _: TargetTrouble(Answering(lambda: Busy("another program changes it"))),
    "refused": lambda scene: TargetTrouble(
        Answering(lambda: Refused("read-only"), scene.heads()), permanent=True
    ),
    "raising": lambda scene: TargetTrouble(Answering(_broken, scene.heads()), permanent=True),
    "hanging target": _hanging_target,
    "late write": _late_write,
    "losing": lambda scene: TargetTrouble(Losing(scene.tell)),
    "unsure": lambda _: TargetTrouble(Unsure()),
}
"""What each lasting fault of a target is."""
