"""Functions in processes of their own, whose system calls strace counts, fails or kills at.

    with Tracer(folder, "boto3") as tracer:
        whole = tracer.run(job, "argument", calls="%file,fsync")
        for call in whole.calls:
            tracer.run(job, "argument", inject=call.killing())

A job is a function of a module of these tests that takes texts, and may return an exit
status. Nothing in it is replaced. Its process is forked from one that has all modules imported
that are named, so it starts within milliseconds, and strace is there before the job begins.

A kill takes effect where the call would begin: what was done by then is what the calls before
it did. So the kills at all calls of one thread leave every state that there is between two calls,
and the last of them, at `exit_group`, the state after the last one.
"""

import ctypes
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.conftest import requires

FULL_SWEEP: Final = os.environ.get("REFRESHER_FULL_SWEEP") == "1"
"""Whether tests try every point that they know of, however long it takes."""

KILLED: Final = -9
"""The exit status of a process that was killed."""

_WRITING: Final = (
    *("open", "openat", "creat", "mkdir", "mkdirat", "write", "writev", "pwrite64", "pwritev"),
    *("pwritev2", "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat", "chown", "fchown"),
    *("fchownat", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
    *("link", "linkat", "symlink", "symlinkat", "setxattr", "fsetxattr", "removexattr"),
    *("fremovexattr", "utimensat", "flock", "exit_group"),
)

WRITES: Final = ",".join(f"?{name}" for name in _WRITING)  # no processor has them all
"""The calls that can change a file or what others may do with it, and the end, for strace."""

ERRORS: Final = ("EIO", "ENOSPC", "EACCES", "EINTR", "EROFS", "EDQUOT", "EMFILE")
"""What is wrong with a disk, with rights or with a process, when a call fails."""

_ROOT: Final = Path(__file__).parents[1]
_BEGUN: Final = re.compile(r"(\d+) +(\w+)\(")
# prctl(2): lets strace in where only parents may trace (Yama's ptrace_scope 1).
_SET_PTRACER: Final = 0x59616D61
_ANYBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Call:
    """The system call `name`, for the `number`-th time in its thread (from 1)."""

    name: str
    number: int
    line: str = ""

    def __str__(self) -> str:
        """Return the call as strace shows it, with its number."""
        return f"{self.name} number {self.number}: {self.line}"

    def killing(self) -> str:
        """Return what makes strace kill the process where this call would begin."""
        return f"{self.name}:signal=SIGKILL:when={self.number}"

    def failing(self, error: str) -> str:
        """Return what makes strace answer this call with an error, and not make it."""
        return f"{self.name}:error={error}:when={self.number}"


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a job: the exit status, what it printed, and its calls in their order.

    Of several threads only the first to make a call for the n-th time counts: strace
    counts by thread and by name, so that is the one that a kill finds.
    """

    status: int
    output: str
    calls: tuple[Call, ...]


def writes(call: Call) -> bool:
    """Tell whether a call may change a file (and is more than printing), or is the last one."""
    if call.name in ("open", "openat"):
        return "O_CREAT" in call.line
    return call.name in _WRITING and call.name != "write"


@contextmanager
def told(call: Call, *more: str) -> Iterator[None]:
    """Tell with a failed check at which call it failed, and what else there is to say."""
    try:
        yield
    except Exception as error:
        error.add_note(": ".join((f"at {call}", *more)))
        raise


class Tracer:
    """Starts jobs under strace, one after the other. Use it as a context manager."""

    def __init__(self, folder: Path, *modules: str) -> None:
        """Keep what strace and the jobs print in `folder`; import `modules` before any job."""
        requires("strace")
        self._trace = folder / "trace"
        self._output = folder / "output"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.tracing", *modules],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return the tracer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process that the jobs are forked from."""
        self._server.kill()
        self._server.communicate()

    def run(
        self,
        job: Callable[..., int | None],
        *arguments: str,
        calls: str = WRITES,
        inject: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a job to its end. `calls` are those that are recorded, `inject` what is done to one.

        Both are in the language of strace(1), `-e trace=` and `-e inject=`.
        """
        order = {
            "job": [job.__module__, job.__name__],
            "arguments": arguments,
            "env": dict(os.environ if env is None else env),
            "output": str(self._output),
        }
        pid = self._ask(json.dumps(order))
        injected = ["-e", f"inject={inject}"] if inject else []
        command = ["strace", "-f", "-o", str(self._trace), "-e", f"trace={calls}", *injected]
        with subprocess.Popen([*command, "-p", pid], stderr=subprocess.PIPE, text=True) as strace:
            try:
                assert strace.stderr is not None
                attached = " attached" in strace.stderr.readline()
                requires("a system that lets strace trace", available=attached)
                status = int(self._ask("go"))
            except BaseException:
                os.kill(int(pid), signal.SIGKILL)
                raise
        lines = self._trace.read_text(errors="replace").splitlines()
        return Ended(status, self._output.read_text(), tuple(_counted(lines)))

    def _ask(self, line: str) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return self._server.stdout.readline().strip()


def _counted(lines: Iterable[str]) -> Iterable[Call]:
    made: Counter[tuple[str, str]] = Counter()
    first: Counter[str] = Counter()
    for line in lines:
        begun = _BEGUN.match(line)
        if begun is None:
            continue
        thread, name = begun.groups()
        made[thread, name] += 1
        if made[thread, name] > first[name]:
            first[name] += 1
            yield Call(name, first[name], line[begun.start(2) :])


def _serve() -> None:
    """Fork a process for each order on standard input, tell its id, and when it ends its status.

    It is stopped until the next line comes: by then strace is attached.
    """
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        importlib.import_module(order["job"][0])
        child = os.fork()
        if not child:
            _perform(order)
        os.waitpid(child, os.WUNTRACED)
        _tell(child)
        sys.stdin.readline()
        os.kill(child, signal.SIGCONT)
        _tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _perform(order: Mapping[str, Any]) -> None:
    try:
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.environ.clear()
        os.environ.update(order["env"])
        ctypes.CDLL(None).prctl(_SET_PTRACER, ctypes.c_long(_ANYBODY), 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        module, name = order["job"]
        status = getattr(sys.modules[module], name)(*order["arguments"])
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - it is told, and nothing may lead back to the server
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(status or 0)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
