"""The log in front of standard error: it takes every line at once, whoever reads or does not."""

import contextlib
import errno
import fcntl
import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, cast

import click
import pytest

from refresher.observe.backlog import Backlog, log_to_stderr
from refresher.observe.log import Format, LogEvents
from refresher.ports import Event, Severity

_AT_ONCE = 0.5


class Pipe:
    """A pipe of a few thousand bytes. Nobody reads it until `drain` is called."""

    def __init__(self, *, blocking: bool = True, unbuffered: bool = False) -> None:
        self._reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(writer, blocking)
        if unbuffered:
            raw = io.FileIO(writer, "w")
            text = io.TextIOWrapper(cast("io.BufferedWriter", raw), "utf-8", write_through=True)
        else:
            text = io.TextIOWrapper(io.BufferedWriter(io.FileIO(writer, "w")), "utf-8")
        self.stream: TextIO = text
        self._read = ""

    def drain(self, until: Callable[[str], object]) -> str:
        """Read until what was read satisfies `until`, and return it."""
        while not until(self._read):
            self._read += os.read(self._reader, 65536).decode()
        return self._read

    def forsake(self) -> None:
        """Go away as a reader: a writer that waits is let go."""
        if self._reader >= 0:
            os.close(self._reader)
            self._reader = -1


@pytest.fixture(params=["blocking", "non-blocking", "unbuffered", "unbuffered, non-blocking"])
def pipe(request: pytest.FixtureRequest) -> Iterator[Pipe]:
    """Give a pipe of each kind that standard error may be."""
    pipe = Pipe(
        blocking="non-blocking" not in request.param, unbuffered="unbuffered" in request.param
    )
    yield pipe
    pipe.forsake()
    pipe.stream.close()


def told(lost: int) -> str:
    """Return a line that says how many are missing."""
    return f"lost {lost}\n"


def eventually(condition: Callable[[], object], tries: int = 500) -> None:
    """Wait until the condition holds, ten milliseconds between two looks."""
    for _ in range(tries):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def numbered(first: int, end: int) -> list[str]:
    """Return lines of 100 characters that count."""
    return [f"line {number} ".ljust(99, "x") + "\n" for number in range(first, end)]


def stall(backlog: Backlog, first: int = 0) -> int:
    """Write lines until the writer is stuck with the last of them; return how many there are."""
    for number in range(first, first + 1000):
        backlog.write(numbered(number, number + 1)[0])
        with contextlib.suppress(AssertionError):
            eventually(lambda: not backlog._waiting, tries=20)
            continue
        return number + 1
    raise AssertionError("the pipe takes everything")


def test_lines_come_out_in_their_order() -> None:
    """While the stream takes everything, the backlog changes nothing."""
    stream = io.StringIO()
    backlog = Backlog(stream, told)
    for line in numbered(0, 100):
        backlog.write(line)
        backlog.flush()
    backlog.close()
    assert stream.getvalue() == "".join(numbered(0, 100))


def test_a_line_is_out_without_a_flush_or_another_one() -> None:
    """The writer does not wait for more to come."""
    stream = io.StringIO()
    backlog = Backlog(stream, told)
    backlog.write("one\n")
    eventually(lambda: stream.getvalue() == "one\n")


def test_nobody_waits_for_a_pipe_that_nobody_reads(pipe: Pipe) -> None:
    """Thousands of lines are taken at once; the oldest of those that wait are dropped."""
    backlog = Backlog(pipe.stream, told, limit=10_000)
    first = stall(backlog)
    started = time.monotonic()
    for line in numbered(first, 5000):
        backlog.write(line)
        backlog.flush()
    assert time.monotonic() - started < _AT_ONCE
    lines = pipe.drain(lambda read: "line 4999 " in read).splitlines(keepends=True)
    # The last one before was not yet with the writer, or this would be no gap.
    before = first - 1
    assert lines[:before] == numbered(0, before)
    assert lines[before] == told(4900 - before)
    assert lines[before + 1 :] == numbered(4900, 5000)
    backlog.close()


def test_each_gap_is_told_where_it_is(pipe: Pipe) -> None:
    """After a gap the log goes on, and a second gap has a count of its own."""
    backlog = Backlog(pipe.stream, told, limit=1000)
    for first in (0, 1000):
        begun = stall(backlog, first)
        for line in numbered(begun, first + 1000):
            backlog.write(line)
        pipe.drain(lambda read, last=f"line {first + 999} ": last in read)  # type: ignore[misc]
    lines = pipe.drain(bool).splitlines()
    counts = [int(line.split()[1]) for line in lines if line.startswith("lost")]
    shown = sum(line.startswith("line") for line in lines)
    assert len(counts) == 2
    assert shown + sum(counts) == 2000
    backlog.close()


def test_a_burst_loses_nothing_while_the_stream_moves(tmp_path: Path) -> None:
    """The writer keeps up with a process that is busy logging."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        backlog = Backlog(stream, told, limit=300_000, patience=10)
        for line in numbered(0, 15_000):
            backlog.write(line)
            # What it costs to make a line.
            json.loads(json.dumps(line * 20))
        backlog.close()
    assert (tmp_path / "log").read_text() == "".join(numbered(0, 15_000))


def test_no_line_is_torn_by_a_pipe_that_does_not_block(pipe: Pipe) -> None:
    """A line that is longer than the pipe is comes out whole, piece by piece."""
    backlog = Backlog(pipe.stream, told)
    backlog.write("x" * 50_000 + "\n")
    backlog.write("end\n")
    read = pipe.drain(lambda read: read.endswith("end\n"))
    assert read == "x" * 50_000 + "\nend\n"
    backlog.close()


def test_a_line_beyond_the_limit_is_kept_while_it_is_the_newest() -> None:
    """What is said last comes out, however long it is."""
    stream = io.StringIO()
    backlog = Backlog(stream, told, limit=10)
    backlog.write("y" * 100 + "\n")
    backlog.close()
    assert stream.getvalue() == "y" * 100 + "\n"


def test_a_dropped_text_counts_as_its_lines(pipe: Pipe) -> None:
    """A report of several lines is not one line."""
    backlog = Backlog(pipe.stream, told, limit=200)
    stall(backlog)
    for _ in range(10):
        backlog.write("three\nlines\neach\n" * 20)
    lines = pipe.drain(lambda read: "each\n" in read).splitlines()
    assert told(1 + 9 * 60).strip() in lines
    backlog.close()


def test_the_end_waits_for_the_last_lines(pipe: Pipe) -> None:
    """What is still waiting comes out while somebody reads."""
    backlog = Backlog(pipe.stream, told)
    for line in numbered(0, 200):
        backlog.write(line)
    reader = threading.Thread(target=pipe.drain, args=[lambda read: "line 199 " in read])
    reader.start()
    backlog.close()
    reader.join(5)
    assert not reader.is_alive()


def test_the_end_waits_no_longer_than_it_may(pipe: Pipe) -> None:
    """Nobody reads: the process ends all the same, and may be asked to twice."""
    backlog = Backlog(pipe.stream, told, patience=0.2)
    for line in numbered(0, 200):
        backlog.write(line)
    started = time.monotonic()
    backlog.close()
    assert 0.1 < time.monotonic() - started < 0.2 + _AT_ONCE
    backlog.close()
    assert backlog.write("too late\n") == 9


@pytest.mark.parametrize("written", [False, True], ids=["unused", "used"])
def test_the_end_comes_at_once_when_all_is_out(*, written: bool) -> None:
    """Nobody waits for nothing, and no thread stays."""
    backlog = Backlog(io.StringIO(), told, patience=30)
    if written:
        backlog.write("one\n")
    started = time.monotonic()
    backlog.close()
    assert time.monotonic() - started < 5
    assert backlog._writer is None or not backlog._writer.is_alive()


def test_a_reader_that_goes_away_harms_nothing(pipe: Pipe) -> None:
    """EPIPE costs the lines, and neither a caller nor the writer."""
    backlog = Backlog(pipe.stream, told)
    pipe.forsake()
    for line in numbered(0, 100):
        backlog.write(line)
    backlog.close()
    assert backlog._writer is not None
    assert not backlog._writer.is_alive()


@pytest.mark.parametrize("stream", [io.StringIO(), io.TextIOWrapper(io.BytesIO())])
def test_a_closed_stream_harms_nothing(stream: TextIO) -> None:
    """Whoever closed it wants no log."""
    backlog = Backlog(stream, told)
    stream.close()
    LogEvents(cast("TextIO", backlog)).emit(Event("started"))
    backlog.write("line\n")
    backlog.close()


class _Full(io.StringIO):
    full = True

    def write(self, text: str, /) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "full")
        return super().write(text)


def test_lines_that_a_full_disk_refuses_are_counted() -> None:
    """A stream that refuses for a while is as one that stands still."""
    stream = _Full()
    backlog = Backlog(stream, told)
    for _ in range(3):
        backlog.write("line\n")
    eventually(lambda: not backlog._waiting)
    time.sleep(0.05)
    stream.full = False
    backlog.write("again\n")
    backlog.close()
    assert stream.getvalue() == "lost 3\nagain\n"


def test_what_the_encoding_cannot_express_is_escaped() -> None:
    """A line is worth more than its accents, also where it is no text at all."""
    raw = io.BytesIO()
    backlog = Backlog(io.TextIOWrapper(raw, encoding="ascii"), told)
    backlog.write("schlüssel \N{SNOWMAN} \ud800\n")
    backlog.close()
    assert raw.getvalue() == b"schl\\xfcssel \\u2603 \\ud800\n"


def test_a_count_that_cannot_be_told_is_told_later() -> None:
    """A fault in the telling ends nothing."""
    stream = _Full()
    faults = iter([True, False])

    def shaky(lost: int) -> str:
        if next(faults):
            raise ValueError
        return told(lost)

    backlog = Backlog(stream, shaky)
    backlog.write("one\n")
    eventually(lambda: not backlog._waiting)
    time.sleep(0.05)
    stream.full = False
    backlog.write("two\n")
    eventually(lambda: not backlog._waiting)
    time.sleep(0.05)
    backlog.write("three\n")
    backlog.close()
    assert stream.getvalue() == "lost 2\nthree\n"


def test_bytes_are_refused_as_by_any_text_stream() -> None:
    """Who asks whether the stream takes bytes gets the usual answer."""
    with pytest.raises(TypeError, match="bytes"):
        Backlog(io.StringIO(), told).write(cast("str", b""))


def test_click_takes_it_for_what_it_is(pipe: Pipe) -> None:
    """`click.echo` writes text to it, colours are for terminals, and the buffer is not found."""
    backlog = Backlog(pipe.stream, told)
    click.echo(click.style("grün", fg="green"), file=cast("TextIO", backlog))
    backlog.close()
    assert pipe.drain(bool) == "grün\n"


def test_it_tells_what_the_stream_is(pipe: Pipe) -> None:
    """Encoding, descriptor and terminal are those of the stream behind it."""
    backlog = Backlog(pipe.stream, told)
    assert (backlog.encoding, backlog.fileno()) == ("utf-8", pipe.stream.fileno())
    assert not backlog.isatty()
    leader, follower = os.openpty()
    with open(follower, "w", encoding="latin-1") as terminal:  # noqa: PTH123 - a descriptor
        assert Backlog(terminal, told).isatty()
        assert Backlog(terminal, told).encoding == "latin-1"
    os.close(leader)


def test_it_may_be_written_to_while_it_is_written_to() -> None:
    """A signal handler that logs meets the lock of its own thread."""
    stream = io.StringIO()
    backlog = Backlog(stream, told)
    with backlog._changed:
        backlog.write("from a handler\n")
    backlog.close()
    assert stream.getvalue() == "from a handler\n"


def test_the_writer_sleeps_until_there_is_something_to_write(pipe: Pipe) -> None:
    """It costs no wake-ups."""
    backlog = Backlog(pipe.stream, told)
    backlog.write("one\n")
    pipe.drain(lambda read: read == "one\n")
    assert backlog._writer is not None
    status = Path(f"/proc/self/task/{backlog._writer.native_id}/status")
    time.sleep(0.1)
    before = _switches(status)
    time.sleep(0.5)
    assert _switches(status) == before
    backlog.close()


def _switches(status: Path) -> list[str]:
    return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]


def test_a_writer_that_cannot_begin_begins_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without a thread to spare costs no line."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    stream = io.StringIO()
    backlog = Backlog(stream, told)
    with monkeypatch.context() as host:
        host.setattr(threading.Thread, "start", refuse)
        backlog.write("one\n")
    backlog.write("two\n")
    backlog.close()
    assert stream.getvalue() == "one\ntwo\n"


@pytest.mark.parametrize("fmt", Format)
def test_a_log_takes_the_form_that_fits(fmt: Format) -> None:
    """On a terminal `auto` is for people, as it is without a backlog."""
    leader, follower = os.openpty()
    with open(follower, "w", encoding="utf-8") as terminal:  # noqa: PTH123 - a descriptor
        with contextlib.redirect_stderr(terminal):
            log_to_stderr(Severity.INFO, fmt).emit(Event("started"))
            assert isinstance(sys.stderr, Backlog)
            sys.stderr.close()
            sys.stderr.write("after the end\n")
        line = os.read(leader, 1000).decode()
    os.close(leader)
    assert line.startswith("{") == (fmt is Format.JSON)
    assert line.count("\n") == 1


def test_a_log_without_standard_error_writes_nothing() -> None:
    """There is nothing to put a backlog in front of."""
    with contextlib.redirect_stderr(None):
        log_to_stderr(Severity.INFO, Format.AUTO).emit(Event("started"))
        assert sys.stderr is None


_PROGRAM = """
import resource, sys, threading
from refresher.observe.backlog import log_to_stderr
from refresher.observe.log import Format
from refresher.ports import Event, Severity
log = log_to_stderr(Severity.{level}, Format.{fmt})
"""


def _run(body: str, *, level: str = "INFO", fmt: str = "AUTO") -> subprocess.Popen[bytes]:
    program = _PROGRAM.format(level=level, fmt=fmt) + textwrap.dedent(body)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    process.stderr = open(reader, "rb")  # noqa: PTH123, SIM115 - the caller's `with` closes it
    return process


_LOSE = """
for number in range(9_000):
    log.emit(Event("turn", Severity.ERROR, detail="x" * 200))
log.emit(Event("last", Severity.ERROR))
print("all is said", flush=True)
"""


@pytest.mark.parametrize(
    ("fmt", "level"), [("AUTO", "INFO"), ("JSON", "ERROR"), ("CONSOLE", "ERROR")]
)
def test_the_missing_are_told_in_the_form_of_the_log(fmt: str, level: str) -> None:
    """JSON stays JSON, a line for people stays one, and the level does not hide a gap."""
    with _run(_LOSE, fmt=fmt, level=level) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"all is said\n"
        read = process.stderr.read()
        assert process.wait(5) == 0
    lines = read.decode().splitlines()
    (gap,) = (line for line in lines if "log-lost" in line)
    if fmt == "CONSOLE":
        assert "[warning  ] log-lost" in gap
        count = gap.rstrip("'").rpartition(" ")[2]
    else:
        shown = [json.loads(line) for line in lines]
        assert {each["event"] for each in shown} == {"turn", "log-lost", "last"}
        count = json.loads(gap)["detail"].rpartition(" ")[2]
    assert len(lines) - 1 + int(count) == 9_001


def test_whatever_is_written_to_standard_error_takes_the_same_way() -> None:
    """A fault on a thread, `print` and the log come out in their order, and before the end."""
    with _run("""
        print("printed", file=sys.stderr)
        log.emit(Event("logged"))
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        raise SystemExit(3)
        """) as process:
        assert process.stderr is not None
        shown = process.stderr.read().decode()
        assert process.wait(5) == 3
    assert shown.startswith("printed\n{")
    assert shown.endswith("ZeroDivisionError: division by zero\n")


def test_a_process_ends_although_nobody_reads() -> None:
    """The end waits a second for the last lines, and not for ever."""
    with _run("for _ in range(999): log.emit(Event('turn', detail='x' * 200))") as process:
        started = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - started < 8


def test_without_standard_error_nothing_is_written_and_nothing_fails() -> None:
    """The caller closed it."""
    program = _PROGRAM.format(level="INFO", fmt="AUTO") + "log.emit(Event('turn')); print('on')"
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", program]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"on\n"
