"""Time in which this process ran, and what has not been heard of in it."""

import threading

from refresher.ports import Clock


class Awake:
    """Counts the seconds in which this process ran. Safe to use from several threads.

    A process that was stopped, or whose host was suspended, has missed nothing in
    the meantime: between two calls of `seconds`, `step` seconds pass at most.
    """

    def __init__(self, clock: Clock, step: float) -> None:
        """Begin at zero. Somebody is expected to call `seconds` every `step` seconds."""
        self._clock = clock
        self._step = step
        self._lock = threading.Lock()
        self._seen = clock.monotonic()
        self._total = 0.0

    def seconds(self) -> float:
        """Return the seconds so far."""
        with self._lock:
            now = self._clock.monotonic()
            self._total += min(now - self._seen, self._step)
            self._seen = now
            return self._total


class Pulse:
    """Notices when something that beats does so no more."""

    def __init__(self, awake: Awake) -> None:
        """Begin with a beat."""
        self._awake = awake
        self.beat()

    def beat(self) -> None:
        """Tell that it is alive."""
        self._missed = 0
        self._heard = self._awake.seconds()

    @property
    def silence(self) -> float:
        """The seconds since the last beat in which this process ran."""
        return self._awake.seconds() - self._heard

    def missed(self, patience: float) -> bool:
        """Tell whether nothing was heard for `patience` seconds; once for each such time."""
        if self.silence < patience * (self._missed + 1):
            return False
        self._missed += 1
        return True
