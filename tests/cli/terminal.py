"""A terminal with a person at it: types answers to what a command asks, and sees the screen."""

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 30.0

# The terminal must control the command's session, or Ctrl-C would be a character like others.
# What runs the tests may ignore SIGINT, as a job in the background does, and hand that on.
_LAUNCH: Final = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, '-m', 'refresher', *sys.argv[1:]])"
)

CTRL_C: Final = "\x03"
CTRL_D: Final = "\x04"


class Terminal:
    """One command at a terminal of its own. The screen has whatever it showed."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
        self.screen = ""
        self._keys = b""
        self._person, self._terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *words],
            cwd=_ROOT,
            env={**os.environ, **env},
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._person)
        os.close(self._terminal)

    def wait_for(self, text: str) -> None:
        """Read the screen until it shows `text`."""
        deadline = time.monotonic() + _PATIENCE
        while text not in self.screen:
            assert time.monotonic() < deadline, self.screen
            self._read()

    def type(self, keys: str | bytes) -> None:
        """Press keys."""
        self._keys = keys.encode() if isinstance(keys, str) else keys
        os.write(self._person, self._keys)

    def end(self) -> int:
        """Return the exit code once the command has ended, with the rest on the screen."""
        deadline = time.monotonic() + _PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.screen
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
                break
            # A signal just before a read does not end the read: people press the key again.
            if self._keys.endswith(CTRL_C.encode()):
                self.type(CTRL_C)
        self._read()
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    def echoes(self) -> bool:
        """Tell whether the terminal shows what is typed."""
        flags: int = termios.tcgetattr(self._terminal)[3]
        return bool(flags & termios.ECHO)

    def _read(self) -> None:
        os.set_blocking(self._person, False)
        with suppress(BlockingIOError):
            self.screen += os.read(self._person, 65536).decode(errors="replace")
            return
        time.sleep(0.005)
