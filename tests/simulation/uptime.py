"""When something could be used, and when not: spans of outage, and the gaps between them."""

from collections import deque
from collections.abc import Iterable
from typing import Final

_KEPT: Final = 3 * 86_400.0


class Uptime:
    """The outages of an issuer, a target or a process. Several at once count as one.

    `settled` is when the last call that was begun in an outage has come to its
    end at the latest; `permanent` is when the last fault that only a person could
    heal was healed.
    """

    def __init__(self) -> None:
        self.spans: deque[tuple[float, float]] = deque()
        self.settled = 0.0
        self.permanent = float("-inf")
        self.down = 0
        self._since = 0.0

    def fail(self, now: float) -> None:
        """Begin an outage."""
        if not self.down:
            self._since = now
        self.down += 1

    def heal(self, now: float, *, linger: float = 0.0, permanent: bool = False) -> None:
        """End an outage; calls that were begun in it may take `linger` seconds more."""
        self.down -= 1
        self.settled = max(self.settled, now + linger)
        if permanent:
            self.permanent = now
        if not self.down:
            self.spans.append((self._since, now))
            while self.spans[0][1] < now - _KEPT:
                self.spans.popleft()

    def blame(self, start: float, end: float) -> None:
        """Count a time that has just passed as an outage."""
        self.spans.append((start, end))
        self.settled = max(self.settled, end)

    def since(self) -> float | None:
        """Return since when it can be used, None if it can't be used now."""
        return None if self.down else self.settled

    def within(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the spans of outage between two moments, the open one too."""
        spans = [*self.spans, (self._since, end)] if self.down else self.spans
        return [(max(a, start), min(b, end)) for a, b in spans if b > start and a < end]


def outages(uptimes: Iterable[Uptime], start: float, end: float) -> list[tuple[float, float]]:
    """Return the spans between two moments in which anything could not be used, in order."""
    merged: list[tuple[float, float]] = []
    for span in sorted(span for each in uptimes for span in each.within(start, end)):
        if merged and span[0] <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], span[1])
        else:
            merged.append(span)
    return merged


def gaps(
    spans: Iterable[tuple[float, float]], start: float, end: float
) -> list[tuple[float, float]]:
    """Return what the ordered `spans` leave of the time between `start` and `end`."""
    found, free_from = [], start
    for begin, finish in spans:
        if begin > free_from:
            found.append((free_from, begin))
        free_from = max(free_from, finish)
    if free_from < end:
        found.append((free_from, end))
    return found
