"""The real clock."""

import threading
import time
from datetime import UTC, datetime
from typing import Final

_STEADY: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The host's clocks. The monotonic one also counts suspended time, where the host tells it."""

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds since the host started."""
        return time.clock_gettime(_STEADY)

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait `seconds`, or until `stop` is set; return whether it is set."""
        return stop.wait(max(seconds, 0.0))
