"""How a line of the log is made: structlog's processors in order, the redactor last."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO, cast

from refresher.model.credential import Expiry
from refresher.observe.redact import Redactor


class Lines:
    """Writes finished lines; structlog calls it by the name of a level."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`, one line at a time, from any thread."""
        self._stream = stream
        # Re-entrant: a signal handler may log while its own thread is writing.
        self._lock = threading.RLock()

    def write(self, line: str) -> None:
        """Write and flush one line, escaping what the stream's encoding can't express."""
        with self._lock:
            try:
                self._stream.write(line + "\n")
            except UnicodeEncodeError as error:
                known = line.encode(error.encoding, "backslashreplace").decode(error.encoding)
                self._stream.write(known + "\n")
            self._stream.flush()

    debug = info = warning = error = write


def for_machines(now: Callable[[], datetime], redactor: Redactor) -> list[Any]:
    """Return the processors that make one JSON object, in ASCII, of an event."""
    from structlog import processors  # noqa: PLC0415 - see `refresher.observe.log`

    return [
        partial(_stamp, now),
        partial(_redact, redactor),
        processors.JSONRenderer(),
    ]


def for_people(now: Callable[[], datetime], redactor: Redactor) -> list[Any]:
    """Return the processors that make time, level, event and `name='value'` of an event."""
    from structlog import dev  # noqa: PLC0415 - see `refresher.observe.log`

    return [
        partial(_stamp, now),
        _disarm,
        partial(_redact, redactor),
        # As repr, so that no value passes for a field, or a line, of its own.
        dev.ConsoleRenderer(colors=False, sort_keys=False, repr_native_str=True),
    ]


def moment(value: Expiry) -> str:
    """Return a moment in ISO 8601, UTC, to the millisecond; `never` and `unknown` as they are."""
    if not isinstance(value, datetime):
        return value.value
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def printable(text: str) -> str:
    """Return `text` with line ends, terminal commands and all else that has no shape escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _stamp(
    now: Callable[[], datetime], _logger: object, level: str, fields: dict[str, Any]
) -> dict[str, Any]:
    head = {"timestamp": moment(now()), "level": level, "event": fields.pop("event")}
    return head | fields


def _redact(
    redactor: Redactor, _logger: object, _level: str, fields: dict[str, Any]
) -> dict[str, Any]:
    return cast("dict[str, Any]", redactor.redact_tree(fields))


def _disarm(_logger: object, _level: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Keep what the renderer shows as it is from passing for a line of its own."""
    for name in fields.keys() & {"event", "logger"}:
        fields[name] = printable(fields[name])
    return fields
