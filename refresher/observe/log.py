"""The log: events, and what libraries have to say, as one line each, redacted.

structlog renders the lines; its global configuration is left alone, so that
several engines can live in one process, each with a log of its own. It is
imported when the first line is really written: a run with nothing to say does
not pay for it.
"""

import logging
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, TextIO

from refresher.observe.lines import Lines, for_machines, for_people, moment
from refresher.observe.redact import Redactor
from refresher.ports import Event, Severity

_LEVELS: Final = {
    Severity.DEBUG: logging.DEBUG,
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Format(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    """As `CONSOLE` on a terminal, else as `JSON`."""
    CONSOLE = "console"
    """For people: time, level, event, then `name='value'`."""
    JSON = "json"
    """For machines: one JSON object in ASCII."""


class LogEvents:
    """Writes events as lines of a log. Implements `refresher.ports.Events`; raises nothing.

    A line holds a UTC timestamp, the level, the name of the event and those of
    its fields that say something. A stream that is broken or closed loses the
    line and nothing else.
    """

    def __init__(
        self,
        stream: TextIO,
        level: Severity = Severity.INFO,
        fmt: Format = Format.AUTO,
        *,
        redactor: Redactor | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Write what is at least of `level` to `stream`, with the time that `now` tells."""
        self._stream = stream
        self._level = _LEVELS[level]
        self._fmt = fmt
        self._redactor = redactor or Redactor()
        self._now = now

    def emit(self, event: Event) -> None:
        """Write one event."""
        self._write(_LEVELS[event.severity], event.name, **_fields(event))

    def record(self, record: logging.LogRecord) -> None:
        """Write what a library logged, if it is a warning or worse (see `_held_at`).

        Of an exception only the class is told: its message may hold what a
        server or a `credential_process` said, and nobody knows those secrets.
        """
        if record.levelno >= _held_at(record.name):
            level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
            failed = record.exc_info[0] if record.exc_info else None
            extra = {"error": failed.__name__} if failed else {}
            self._write(level, _message(record), logger=record.name, **extra)

    def _write(self, level: int, name: str, **fields: object) -> None:
        if level < self._level:
            return
        # The log is the last place that could tell of its own fault.
        with suppress(Exception):
            self._logger.log(level, name, **fields)

    @cached_property
    def _logger(self) -> Any:
        import structlog  # noqa: PLC0415 - 70 ms that a silent run need not pay

        processors = for_people if self._is_for_people() else for_machines
        return structlog.wrap_logger(
            Lines(self._stream),
            processors=processors(self._now, self._redactor),
            wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
            context_class=dict,
        ).bind()

    def _is_for_people(self) -> bool:
        if self._fmt is Format.AUTO:
            return self._stream.isatty()
        return self._fmt is Format.CONSOLE


def capture_stdlib(log: LogEvents) -> Callable[[], None]:
    """Lead the warnings of libraries, and Python's own, into `log`; return what undoes it.

    It is one handler on the root logger of `logging`. A second call takes the
    first one's place until it is undone, so no line comes twice.
    """
    root = logging.getLogger()
    ours = _FromStdlib(log)
    replaced = [handler for handler in root.handlers if isinstance(handler, _FromStdlib)]
    for handler in replaced:
        root.removeHandler(handler)
    root.addHandler(ours)
    shown_by = warnings.showwarning
    logging.captureWarnings(capture=True)
    captured = warnings.showwarning is not shown_by

    def undo() -> None:
        root.removeHandler(ours)
        for handler in replaced:
            root.addHandler(handler)
        if captured:
            logging.captureWarnings(capture=False)

    return undo


class _FromStdlib(logging.Handler):
    def __init__(self, log: LogEvents) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.record(record)


def _held_at(logger: str) -> int:
    """Return the least level of a library's records that are told, whatever our own level is.

    botocore prints whole answers, tokens too, at DEBUG, and warns of each failed
    attempt to find an identity, which the provider reports in better words.
    """
    return logging.ERROR if logger.partition(".")[0] == "botocore" else logging.WARNING


def _fields(event: Event) -> dict[str, object]:
    fields = {
        "provider": event.provider,
        "sink": event.sink,
        "target": event.target,
        "registries": list(event.registries),
        "detail": event.detail,
        "hint": event.hint,
        "expires": None if event.expires is None else moment(event.expires),
    }
    return {name: value for name, value in fields.items() if value}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format string of a library; its text still says a lot
        return str(record.msg)
