"""The command line: `refresher`, or `python -m refresher`."""

import atexit
import os
import sys
from contextlib import suppress
from signal import SIG_IGN, SIGINT, SIGTERM, signal
from typing import Final, NoReturn

_TERMINATED: Final = 143


def run() -> NoReturn:
    """Run one command and end the process with its exit code; 143 if SIGTERM ended it."""
    # First of all, as process 1 has no default handlers: until then a stop is lost.
    signal(SIGTERM, lambda _number, _frame: _end(_TERMINATED))
    _occupy_standard_streams()
    from refresher.cli import main  # noqa: PLC0415 - see above

    code = main()
    for stream in (sys.stdout, sys.stderr):
        # A stream that the caller closed is None.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process, at once and from wherever it is.

    An exception would not do: where SIGTERM interrupts an import, Python drops it.
    Nothing is lost by it, as a kill is no harm either. Nor is time: the interpreter
    would take hundreds of modules apart, a fifth of the time that `refresher once` takes.
    """
    for number in (SIGTERM, SIGINT):
        # It ends already; the default would give it another exit code.
        signal(number, SIG_IGN)
    atexit._run_exitfuncs()  # noqa: SLF001 - the part of the interpreter's end that others ask for
    os._exit(code)


def _occupy_standard_streams() -> None:
    """Keep our files from the numbers of streams that the caller closed: others write to those."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - standard error
        pass
    os.close(descriptor)


if __name__ == "__main__":
    run()
