"""Health, judged: is the daemon making progress, and is everybody supplied?

What is said is answered to whoever asks, so it names providers and registries;
no target, and no error, for those hold paths.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from refresher.model.lease import State
from refresher.model.standing import FAILING, Standing

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.DEAD: "the credential has ended",
        State.PENDING: "not everything was obtained and put in place yet",
        FAILING: "a place was not supplied, its registry objects, or it can't be renewed",
        State.URGENT: "the credential should have been renewed long ago",
    }
)
"""What keeps a place from being ready, the worst first."""

_MOST_REGISTRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Health:
    """A judgement, and the lines that say why."""

    ok: bool
    lines: tuple[str, ...]


def liveness(stalled: str) -> Health:
    """Judge whether the daemon is alive; `stalled` is why it makes no progress, if it makes none.

    One that is not alive is helped by a restart, and by nothing else.
    """
    return Health(not stalled, (stalled or "ok",))


def readiness(places: Iterable[Standing]) -> Health:
    """Judge whether every place holds a credential that is live, and that stays so by itself.

    Where one does not, there is one line for its provider: the worst state, and
    the registries that are in it.
    """
    found: dict[str, dict[str, dict[str, None]]] = {}
    for place in places:
        if place.state != State.FRESH:
            states = found.setdefault(place.provider, {})
            states.setdefault(place.state, {})[place.registry] = None
    lines = tuple(_line(provider, states) for provider, states in found.items())
    return Health(not lines, lines or ("ready",))


def _line(provider: str, states: Mapping[str, Iterable[str]]) -> str:
    worst = min(states, key=list(_REASONS).index)
    registries = [registry for registry in states[worst] if registry]
    more = len(registries) - _MOST_REGISTRIES
    shown = ", ".join(registries[:_MOST_REGISTRIES]) + (f" and {more} more" if more > 0 else "")
    return f"{provider}: {worst}: {_REASONS[worst]}" + (f" ({shown})" if shown else "")
