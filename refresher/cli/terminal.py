"""Questions at the terminal: a password that is not shown, a yes or no."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from refresher.errors import PermanentError


def is_terminal() -> bool:
    """Tell whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(prompt: str) -> str:
    """Return what is typed, without showing it.

    Raises `click.Abort` at an interrupt or at the end of the input, and
    `PermanentError` for what is no text.
    """
    import getpass  # noqa: PLC0415 - for a prompt alone

    try:
        with warnings.catch_warnings(), _echo_restored():
            # Of a terminal that can't hide what is typed: rather a crash than going on.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (KeyboardInterrupt, EOFError):
        click.echo(err=True)
        raise click.Abort from None
    except UnicodeDecodeError:
        # Without its cause, which holds the whole text.
        raise PermanentError("it is no text in the terminal's encoding") from None


def confirm(question: str, *, yes: bool) -> bool:
    """Return whether a person wants that: with `yes` nobody is asked.

    Raises `click.Abort` as `ask` does, `click.UsageError` where nobody can be asked.
    """
    if yes:
        return True
    if not is_terminal():
        raise click.UsageError("there is no terminal to ask at: give --yes if you are sure")
    return click.confirm(question, err=True)


@contextmanager
def _echo_restored() -> Iterator[None]:
    """Turn the terminal's echo on again even if SIGTERM ends the process meanwhile."""
    import atexit  # noqa: PLC0415 - for a prompt alone
    import termios  # noqa: PLC0415 - the same
    from functools import partial  # noqa: PLC0415 - the same

    terminal = sys.stdin.fileno()
    restore = partial(termios.tcsetattr, terminal, termios.TCSANOW, termios.tcgetattr(terminal))
    atexit.register(restore)
    try:
        yield
    finally:
        atexit.unregister(restore)
