"""What a command tells on standard error while it works."""

import logging
import sys
from collections.abc import Callable
from typing import Final

import click

from refresher.ports import Event, EventName, Severity

_WORTH_SAYING: Final = frozenset(
    {
        EventName.NOTICE,
        EventName.CLOCK_SKEW,
        EventName.DRIFT,
        EventName.FIGHT,
        EventName.UNVERIFIED,
        EventName.RECORDS_FAILED,
        EventName.LOCK_FAILED,
    }
)
"""Events that the report of a run does not hold."""


class Notes:
    """Prints the events that a report does not hold, each once.

    `failed` tells whether one of them was an error.
    """

    def __init__(self) -> None:
        """Start with nothing said; what libraries log goes the same way, redacted."""
        self._said: set[str] = set()
        self.failed = False
        listener = _FirstWarning(logging.WARNING)
        logging.getLogger().addHandler(listener)
        click.get_current_context().call_on_close(listener.leave)

    def emit(self, event: Event) -> None:
        """Print the event if it is worth saying and was not said yet."""
        if event.name not in _WORTH_SAYING:
            return
        # Whoever is fought with, the place holds what it should when this run ends.
        self.failed |= event.severity is Severity.ERROR and event.name != EventName.FIGHT
        place = f"{event.sink}:{event.target}" if event.target else event.sink
        text = ": ".join(part for part in (event.provider, place, event.detail) if part)
        if text in self._said:
            return
        self._said.add(text)
        say(f"{event.severity.value}: {text}")
        if event.hint:
            say(f"  hint: {event.hint}")


def say(text: str) -> None:
    """Print one line on standard error, without any secret."""
    click.echo(redacted(text), err=True)


def redacted(text: str) -> str:
    """Return `text` with every live secret masked."""
    if not text:
        return text
    from refresher.observe.redact import Redactor  # noqa: PLC0415 - a good run has nothing to say

    return Redactor().redact(text)


class _FirstWarning(logging.Handler):
    """Brings in the log when a library has something to say; most runs never need it."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._undo: Callable[[], None] | None = None

    def leave(self) -> None:
        """Leave logging as it was."""
        logging.getLogger().removeHandler(self)
        if self._undo is not None:
            self._undo()

    def emit(self, record: logging.LogRecord) -> None:
        from refresher.observe.log import (  # noqa: PLC0415 - the reason for this class
            Format,
            LogEvents,
            capture_stdlib,
        )

        logging.getLogger().removeHandler(self)
        log = LogEvents(sys.stderr, fmt=Format.CONSOLE)
        self._undo = capture_stdlib(log)
        log.record(record)
