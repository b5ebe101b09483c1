"""Events on their way to an observer who may take as long as he likes."""

import threading
from collections import deque
from contextlib import suppress
from typing import Final

from refresher.ports import Event, Events

_MOST_WAITING: Final = 1000


class Outbox:
    """Hands events on from a thread of its own. Implements `refresher.ports.Events`.

    An observer must take an event at once and raise nothing. Whoever has to stay
    awake sends through here, so that one that hangs or raises all the same holds
    nobody up. While it hangs, the newest thousand events wait. The thread is
    there only while there is something to tell.
    """

    def __init__(self, events: Events) -> None:
        """Tell `events`."""
        self._events = events
        self._waiting: deque[Event] = deque(maxlen=_MOST_WAITING)
        self._telling = False
        self._changed = threading.Condition()

    def emit(self, event: Event) -> None:
        """Take one event; it is told soon."""
        with self._changed:
            self._waiting.append(event)
            if not self._telling:
                # No more threads are to be had now: the next event tries again.
                with suppress(RuntimeError):
                    threading.Thread(target=self._tell_all, name="events", daemon=True).start()
                    self._telling = True

    def settle(self, seconds: float) -> None:
        """Wait until everything is told, `seconds` at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._telling, seconds)

    def _tell_all(self) -> None:
        while (event := self._next()) is not None:
            with suppress(Exception, SystemExit):
                self._events.emit(event)

    def _next(self) -> Event | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._telling = False
            self._changed.notify_all()
            return None
