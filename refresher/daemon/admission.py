"""Which passes are under way, and whether another may begin now."""

from collections import deque
from collections.abc import Iterator
from typing import Final

SIDE_BY_SIDE: Final = 16
"""How many passes may be under way that do not hang. More would be a herd: they share the store
and the sinks, and from here on only wait for each other."""

SHORTEST: Final = 0.25
_LONGEST: Final = 1.0
"""How long nobody may wait because others hang."""

_LATELY: Final = 15


class Running:
    """The passes under way, by the provider's name. Moments are seconds of a monotonic clock.

    A pass is taken to hang, and holds up nobody from then on, when it takes twice
    as long as others took lately, a quarter of a second at least; or when there is
    no room for others and nothing comes to its end for a second. Were time alone to
    tell, more and more would begin where all are slow because they are too many.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._begun: dict[str, float] = {}
        self._hanging: set[str] = set()
        self._lately: deque[float] = deque(maxlen=_LATELY)
        self._moved = 0.0

    def __len__(self) -> int:
        return len(self._begun)

    def __contains__(self, name: object) -> bool:
        return name in self._begun

    def __iter__(self) -> Iterator[str]:
        return iter(self._begun)

    def begun(self, name: str) -> float | None:
        """Return when the pass began, None for one that is not under way."""
        return self._begun.get(name)

    def begin(self, name: str, now: float) -> None:
        """Add a pass."""
        self._begun[name] = self._moved = now

    def end(self, name: str, now: float) -> None:
        """Remove a pass."""
        self._lately.append(now - self._begun.pop(name))
        self._hanging.discard(name)
        self._moved = now

    def has_room(self, now: float) -> bool:
        """Tell whether another pass may begin."""
        if len(self._begun) < SIDE_BY_SIDE:
            return True
        usual = sorted(self._lately)[len(self._lately) // 2] if self._lately else 0.0
        patience = max(2 * usual, SHORTEST)
        self._hanging |= {name for name, begun in self._begun.items() if now - begun >= patience}
        if self._is_full and now - self._moved >= min(patience, _LONGEST):
            self._hanging |= set(self._begun)
        return not self._is_full

    @property
    def _is_full(self) -> bool:
        return len(self._begun) - len(self._hanging) >= SIDE_BY_SIDE
