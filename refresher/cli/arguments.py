"""The words of a command line that asks for passwords: none of them may be one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from refresher.errors import PermanentError

_NEVER: Final = "a password is never an argument: other users would see it, and the shell keeps it"
_WAYS: Final = (
    f"{_NEVER}; without any option it is asked for, or give --password-stdin or "
    "--password-file FILE"
)
_QUOTES: Final = 'a value with blanks in it is one word in quotes: "a, b"'


class PageCommand(click.Command):
    """A command of the registry page.

    An option that holds the password in other programs is refused before anything
    else is said, and words that are too many are counted, not shown.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words apart. Raises `click.UsageError`."""
        asks = any(option.name == "password_stdin" for option in self.params)
        if any(map(_gives_password, args)):
            raise click.UsageError(_WAYS if asks else f"{_NEVER}; none is needed here", ctx)
        ctx.allow_extra_args = True
        left = super().parse_args(ctx, args)
        if left:
            hint = _WAYS if asks else _QUOTES
            raise click.UsageError(f"{len(left)} word(s) too many; {hint}", ctx)
        return left


class Family(click.Group):
    """A group of commands of the registry page."""

    command_class = PageCommand


@contextmanager
def argument(name: str) -> Iterator[None]:
    """Turn what is wrong with the value of an argument into an error of the command line."""
    try:
        yield
    except PermanentError as error:
        said = f"{error}; {error.hint}" if error.hint else str(error)
        raise click.BadParameter(said, param_hint=name) from None


def _gives_password(word: str) -> bool:
    # A short option may hold its value at once: -psecret.
    return word.partition("=")[0] == "--password" or word.startswith("-p")
