"""The log: what a line looks like, and what never gets into one."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from refresher.model.credential import NEVER, UNKNOWN, Expiry, Secret
from refresher.observe.log import Format, LogEvents, capture_stdlib
from refresher.observe.redact import Redactor
from refresher.ports import Event, Severity
from tests.observe.canary import forms, leaks

CANARY = "canary-of-the-log/with+'quotes\"-and-more"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORMATS = (Format.JSON, Format.CONSOLE)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def log_to(
    stream: io.StringIO, fmt: Format = Format.JSON, level: Severity = Severity.INFO
) -> LogEvents:
    """Return a log that knows one secret and stands at noon."""
    live = [Secret(CANARY)]
    return LogEvents(stream, level, fmt, redactor=Redactor(lambda: live), now=lambda: NOON)


def lines_of(event: Event, fmt: Format = Format.JSON) -> str:
    """Return what a log writes for one event."""
    stream = io.StringIO()
    log_to(stream, fmt).emit(event)
    return stream.getvalue()


@pytest.fixture
def captured() -> Iterator[io.StringIO]:
    """Lead the standard library's logging into a log, for one test."""
    stream = io.StringIO()
    undo = capture_stdlib(log_to(stream, level=Severity.DEBUG))
    yield stream
    undo()


def test_an_event_is_one_json_object_with_the_fields_that_say_something() -> None:
    """Time, level and event come first; empty fields are left out."""
    event = Event("delivered", provider="prod", sink="docker", registries=("docker.io",))
    assert lines_of(event) == (
        '{"timestamp": "2026-03-01T12:00:00.000Z", "level": "info", "event": "delivered", '
        '"provider": "prod", "sink": "docker", "registries": ["docker.io"]}\n'
    )


def test_every_field_of_an_event_is_shown() -> None:
    """Nothing that an event can say is lost."""
    event = Event(
        "failed", Severity.ERROR, "p", "s", "t", ("r",), detail="d", hint="h", expires=NEVER
    )
    shown = json.loads(lines_of(event))
    assert shown == {
        "timestamp": "2026-03-01T12:00:00.000Z", "level": "error", "event": "failed",
        "provider": "p", "sink": "s", "target": "t", "registries": ["r"],
        "detail": "d", "hint": "h", "expires": "never",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (NEVER, "never"),
        (UNKNOWN, "unknown"),
        (NOON, "2026-03-01T12:00:00.000Z"),
        (
            datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=-11))),
            "2026-03-01T12:00:00.000Z",
        ),
    ],
    ids=["never", "unknown", "utc", "elsewhere"],
)
def test_an_expiry_is_shown_in_utc(expires: Expiry, expected: str) -> None:
    """Every moment in the log is UTC, and the two that are no moment are words."""
    assert json.loads(lines_of(Event("delivered", expires=expires)))["expires"] == expected


def test_the_console_format_is_readable() -> None:
    """A person sees time, level, event and quoted fields, without colours."""
    event = Event("delivered", provider="prod", detail="two words")
    assert " ".join(lines_of(event, Format.CONSOLE).split()) == (
        "2026-03-01T12:00:00.000Z [info ] delivered provider='prod' detail='two words'"
    )


@pytest.mark.parametrize(
    ("stream", "fmt", "is_json"),
    [
        (_Terminal(), Format.AUTO, False),
        (io.StringIO(), Format.AUTO, True),
        (_Terminal(), Format.JSON, True),
        (io.StringIO(), Format.CONSOLE, False),
    ],
    ids=["auto on a terminal", "auto elsewhere", "json", "console"],
)
def test_auto_is_console_on_a_terminal_only(
    stream: io.StringIO, fmt: Format, *, is_json: bool
) -> None:
    """People and machines get what they can read; a setting overrules."""
    log_to(stream, fmt).emit(Event("started"))
    assert stream.getvalue().startswith("{") == is_json


@pytest.mark.parametrize("level", Severity)
def test_events_below_the_level_are_dropped(level: Severity) -> None:
    """The level is the least that is shown."""
    stream = io.StringIO()
    log = log_to(stream, level=level)
    for severity in Severity:
        log.emit(Event(severity.value, severity))
    ranks = list(Severity)
    shown = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert shown == [severity.value for severity in ranks[ranks.index(level) :]]


def test_structlog_is_not_imported_before_the_first_line() -> None:
    """A run with nothing to say does not pay for its log."""
    program = (
        "import sys; from refresher.observe.log import *; from refresher.ports import *\n"
        "log = LogEvents(sys.stdout, Severity.WARNING); log.emit(Event('x'))\n"
        "assert 'structlog' not in sys.modules\n"
        "log.emit(Event('x', Severity.ERROR)); assert 'structlog' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.count(b"\n") == 1


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("form", forms(CANARY))
def test_no_form_of_a_secret_gets_into_a_line(form: str, fmt: Format) -> None:
    """Every field passes the redactor, in both formats."""
    text = forms(CANARY)[form]
    event = Event("failed", Severity.ERROR, text, text, text, (text,), detail=text, hint=text)
    output = lines_of(event, fmt)
    for known in forms(CANARY).values():
        assert leaks(output, known.strip('"')) == []


FORGERIES = ("\n", "\r\n", "\x1b[2K\r", "\x9b31m", "\x85", "\u2028", "\x0b", "\b", "\u202e", "\0")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("evil", FORGERIES, ids=ascii)
def test_no_field_can_forge_a_line_or_command_a_terminal(evil: str, fmt: Format) -> None:
    """Line ends and terminal sequences arrive escaped, wherever they stand."""
    text = f"x{evil}2026-03-01T12:00:00.000Z [error    ] forged"
    stream = io.StringIO()
    log = log_to(stream, fmt)
    log.emit(Event(text, provider=text, sink=text, target=text, registries=(text,), detail=text))
    log.record(logging.LogRecord(text, logging.ERROR, "", 0, text, (), None))
    output = stream.getvalue()
    assert output.count("\n") == 2
    assert all(char.isprintable() for char in output.replace("\n", ""))


@pytest.mark.parametrize("fmt", FORMATS)
def test_of_a_librarys_exception_only_the_class_is_told(fmt: Format) -> None:
    """Its message may hold what a helper program said, and nobody knows those secrets."""
    stream = io.StringIO()
    log_to(stream, fmt).record(_record_of("SecretAccessKey=nobody-wrapped-this"))
    output = stream.getvalue()
    assert "ValueError" in output
    assert "nobody-wrapped-this" not in output
    assert output.count("\n") == 1


def _record_of(message: str) -> logging.LogRecord:
    error = ValueError(message)
    info = (type(error), error, error.__traceback__)
    return logging.LogRecord("lib", logging.ERROR, "", 0, "failed", (), info)


class _Broken(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, _text: str, /) -> int:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError(28, "full"), ValueError("closed"), RuntimeError("odd")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_broken_stream_stops_nothing(error: Exception, fmt: Format) -> None:
    """A full disk or a reader that went away costs the line and nothing else."""
    log_to(_Broken(error), fmt).emit(Event("started"))


def test_a_reader_that_went_away_stops_nothing() -> None:
    """A real pipe without a reader (EPIPE) is no fault of the engine."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1, encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        LogEvents(stream).emit(Event("started"))
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


def test_what_the_stream_cannot_express_is_escaped() -> None:
    """A line is worth more than its accents: LANG=C loses none."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    LogEvents(stream, fmt=Format.CONSOLE).emit(Event("started", target="schlüssel\N{SNOWMAN}"))
    assert b"schl\\xfcssel\\u2603" in raw.getvalue()


def test_lines_of_many_threads_stay_whole() -> None:
    """Threads that log at once never mix their lines."""
    stream = io.StringIO()
    log = log_to(stream)
    gate = threading.Barrier(8)

    def talk(number: int) -> None:
        gate.wait()
        for _ in range(50):
            log.emit(Event("turn", provider=str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(8)))
    assert len([json.loads(line) for line in stream.getvalue().splitlines()]) == 400


LIBRARIES = ("boto3", "urllib3", "google.auth", "apscheduler", "requests")


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_are_held_at_warning(name: str, captured: io.StringIO) -> None:
    """Even at our DEBUG, and with the library's logger at DEBUG, its small talk stays out."""
    logger = logging.getLogger(f"{name}.part")
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug("token %s", CANARY)
        logger.info("token %s", CANARY)
        assert captured.getvalue() == ""
        logger.warning("token %s", CANARY)
        logger.critical("gone")
    finally:
        logger.setLevel(logging.NOTSET)
    warned, gone = (json.loads(line) for line in captured.getvalue().splitlines())
    assert (warned["level"], warned["event"]) == ("warning", "token ***")
    assert warned["logger"] == f"{name}.part"
    assert (gone["level"], gone["event"]) == ("error", "gone")


def test_botocore_is_held_at_error(captured: io.StringIO) -> None:
    """It warns of attempts that the provider reports in better words."""
    logging.getLogger("botocore.credentials").warning("Refreshing temporary credentials failed")
    assert captured.getvalue() == ""


def test_our_own_level_holds_for_libraries_too() -> None:
    """Who asks for errors only gets no library's warnings either."""
    stream = io.StringIO()
    log = log_to(stream, level=Severity.ERROR)
    log.record(logging.LogRecord("lib", logging.WARNING, "", 0, "careful", (), None))
    assert stream.getvalue() == ""


def test_a_wrong_format_string_of_a_library_loses_nothing() -> None:
    """A library's own mistake in logging still leaves its text, and no error."""
    stream = io.StringIO()
    wrong = f"%d items {CANARY}"
    log_to(stream).record(logging.LogRecord("lib", logging.ERROR, "", 0, wrong, ("one",), None))
    assert json.loads(stream.getvalue())["event"] == "%d items ***"


def test_python_warnings_are_captured(captured: io.StringIO) -> None:
    """What Python warns of is a line of the log like any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"mind {CANARY}", stacklevel=1)
    assert "UserWarning: mind ***" in json.loads(captured.getvalue())["event"]


def test_capturing_twice_writes_a_line_once() -> None:
    """The last log takes the first one's place until it is undone."""
    before, shown_by = logging.getLogger().handlers[:], warnings.showwarning
    first, second = io.StringIO(), io.StringIO()
    undo_first = capture_stdlib(log_to(first))
    undo_second = capture_stdlib(log_to(second))
    logging.getLogger("lib").warning("one")
    undo_second()
    logging.getLogger("lib").warning("two")
    undo_first()
    assert [stream.getvalue().count("\n") for stream in (first, second)] == [1, 1]
    assert logging.getLogger().handlers == before
    assert warnings.showwarning is shown_by


def test_the_global_configuration_of_structlog_is_left_alone() -> None:
    """Several engines live in one process, each with a log of its own."""
    import structlog  # noqa: PLC0415 - only here

    before = structlog.get_config()
    lines_of(Event("started"), Format.CONSOLE)
    lines_of(Event("started"), Format.JSON)
    assert structlog.get_config() == before
    assert not structlog.is_configured()


def test_the_default_time_is_now_in_utc() -> None:
    """Without a clock the log tells the system's time."""
    stream = io.StringIO()
    LogEvents(stream).emit(Event("started"))
    told = datetime.fromisoformat(json.loads(stream.getvalue())["timestamp"])
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
