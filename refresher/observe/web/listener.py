"""Keeps an application served at an address, whatever happens, on a thread of its own."""

import threading
from typing import Final

from refresher.errors import unforeseen
from refresher.model.listen import ListenAddress
from refresher.observe.web.binding import bind, explain
from refresher.observe.web.server import Application, Server
from refresher.ports import Clock, Event, EventName, Events, Severity

_STOP: Final = 0.5


class Listener:
    """Listens at an address, and serves an application there.

    Where that is not possible, it is told once, and tried again every `retry`
    seconds for good.
    """

    def __init__(
        self,
        address: ListenAddress,
        application: Application,
        *,
        events: Events,
        clock: Clock,
        retry: float,
    ) -> None:
        """Take everything; nothing listens yet."""
        self._address = address
        self._application = application
        self._events = events
        self._clock = clock
        self._retry = retry
        self._told = ""
        self._stopping = threading.Event()
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        try:
            self._thread.start()
        except RuntimeError as error:
            # No more threads are to be had now: the daemon goes on without health.
            self._complain(str(error), "restart it with a higher limit")

    def stop(self) -> None:
        """Listen no more. Returns within half a second."""
        self._stopping.set()
        if self._server is not None:
            self._server.wake()
        if self._thread.is_alive():
            self._thread.join(_STOP)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except OSError as error:
                self._complain(*explain(error))
            except Exception as error:  # noqa: BLE001 - a fault of the server ends no daemon
                fault = unforeseen("the server", error)
                self._complain(str(fault), fault.hint)
            self._clock.wait(self._retry, self._stopping)

    def _serve(self) -> None:
        sockets = bind(self._address)
        self._server = Server(self._application, sockets, self._stopping)
        where = ", ".join(str(ListenAddress(*each.getsockname()[:2])) for each in sockets)
        self._told = ""
        self._events.emit(Event(EventName.LISTENING, detail=where))
        self._server.serve()

    def _complain(self, reason: str, hint: str) -> None:
        if reason != self._told:
            self._told = reason
            detail = f"{self._address}: {reason}; it is tried again every {self._retry:g} s"
            self._events.emit(
                Event(EventName.LISTEN_FAILED, Severity.ERROR, detail=detail, hint=hint)
            )
