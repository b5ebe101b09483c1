"""The command line: `refresher`, or `python -m refresher`."""

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn

from refresher.cli import main


def run() -> NoReturn:
    """Run one command and end the process with its exit code."""
    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - the part of the interpreter's end that others ask for
    for stream in (sys.stdout, sys.stderr):
        # A stream that the caller closed is None.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    # Everything is closed and written by now. The interpreter would still take hundreds of
    # modules apart, which is a fifth of the time that `refresher once` takes.
    os._exit(code)


if __name__ == "__main__":
    run()
