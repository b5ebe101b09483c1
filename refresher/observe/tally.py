"""What happened so far, counted from the events of this process."""

import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refresher.ports import Clock, Event, EventName

FETCHES: Final[Mapping[str, str]] = MappingProxyType(
    {
        EventName.FETCHED: "fetched",
        EventName.UNCHANGED: "unchanged",
        EventName.FETCH_FAILED: "failed",
    }
)
"""The outcome of a fetch by the event that tells it."""

WRITES: Final[Mapping[str, str]] = MappingProxyType(
    {EventName.WRITTEN: "written", EventName.BUSY: "busy", EventName.REFUSED: "refused"}
)
"""The outcome of supplying one place by the event that tells it."""

RELOADS: Final[Mapping[str, str]] = MappingProxyType(
    {EventName.RELOADED: "reloaded", EventName.RELOAD_FAILED: "failed"}
)
"""The outcome of reading the settings again by the event that tells it."""

_SUCCESSES: Final = frozenset({EventName.FETCHED, EventName.UNCHANGED})

_Place = tuple[str, str, tuple[str, ...]]


class Tally:
    """Counts events. Implements `refresher.ports.Events`; raises nothing."""

    def __init__(self, clock: Clock) -> None:
        """Start at zero."""
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._repairs: Counter[str] = Counter()
        self._successes: dict[str, float] = {}
        self._drifted: set[tuple[str, _Place]] = set()

    def emit(self, event: Event) -> None:
        """Count one event."""
        place = (event.provider, (event.sink, event.target, event.registries))
        with self._lock:
            self._counts[event.name, event.provider] += 1
            if event.name in _SUCCESSES:
                self._successes[event.provider] = self._clock.monotonic()
            elif event.name == EventName.DRIFT:
                self._drifted.add(place)
            elif event.name == EventName.WRITTEN and place in self._drifted:
                self._drifted.discard(place)
                self._repairs[event.provider] += 1

    def count(self, name: str, provider: str = "") -> int:
        """Return how often an event of this name was told, of this provider."""
        with self._lock:
            return self._counts[name, provider]

    def repairs(self, provider: str) -> int:
        """Return how many places of the provider were supplied again after drift."""
        with self._lock:
            return self._repairs[provider]

    def success_age(self, provider: str) -> float | None:
        """Return the seconds since the provider last gave a credential to this process."""
        with self._lock:
            moment = self._successes.get(provider)
        return None if moment is None else self._clock.monotonic() - moment
