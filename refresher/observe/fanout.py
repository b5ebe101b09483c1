"""Several observers, of which none can harm another."""

from contextlib import suppress

from refresher.ports import Event, Events


class Fanout:
    """Hands every event to each observer, in order. Implements `refresher.ports.Events`."""

    def __init__(self, *observers: Events) -> None:
        """Take the observers."""
        self._observers = observers

    def emit(self, event: Event) -> None:
        """Tell everybody; what one raises is dropped, for it must raise nothing."""
        for observer in self._observers:
            with suppress(Exception):
                observer.emit(event)
