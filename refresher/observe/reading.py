"""A value that is slow to get, for people who can't wait."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from refresher.errors import RetryableError
from refresher.ports import Clock

T = TypeVar("T")


class Reading(Generic[T]):
    """What `call` last returned. It is called when somebody asks, by one thread at a time.

    What it returned is good for `fresh` seconds, so many who ask cost one call.
    Nobody waits for a call that takes longer than `patience` seconds: they get
    what is not older than `stale` seconds, else a `RetryableError`.
    """

    def __init__(
        self,
        call: Callable[[], T],
        clock: Clock,
        *,
        fresh: float = 1.0,
        stale: float = 60.0,
        patience: float = 0.5,
    ) -> None:
        """Take the call; it is not made yet."""
        self._call = call
        self._clock = clock
        self._fresh = fresh
        self._stale = stale
        self._patience = patience
        self._changed = threading.Condition()
        self._begun: float | None = None
        self._last: tuple[T, float] | None = None
        self._error: Exception | None = None

    def get(self) -> T:
        """Return the value. Raises what the call raised, or `RetryableError` if it takes long."""
        with self._changed:
            if self._age() > self._fresh:
                self._await_call()
                if self._error is not None:
                    raise self._error
            if self._last is None or self._age() > self._stale:
                raise RetryableError("how things stand can't be read now")
            return self._last[0]

    def _age(self) -> float:
        return float("inf") if self._last is None else self._clock.monotonic() - self._last[1]

    def _await_call(self) -> None:
        if self._begun is None:
            begun = self._clock.monotonic()
            self._error = None
            threading.Thread(target=self._run, args=(begun,), name="reading", daemon=True).start()
            # It ends under the lock that is held here, so it can't have ended yet.
            self._begun = begun
        # From its beginning: of many who ask, only the first ones wait for a call that hangs.
        left = self._begun + self._patience - self._clock.monotonic()
        self._changed.wait_for(lambda: self._begun is None, max(left, 0.0))

    def _run(self, begun: float) -> None:
        last, error = self._last, None
        try:
            last = (self._call(), begun)
        except Exception as raised:  # noqa: BLE001 - told to those who asked
            error = raised
        with self._changed:
            self._begun, self._last, self._error = None, last, error
            self._changed.notify_all()
