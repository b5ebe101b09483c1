"""Passwords for the registry page: from a prompt, standard input or a file, never an argument."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from refresher.cli.arguments import argument
from refresher.cli.notes import say
from refresher.cli.terminal import ask, is_terminal
from refresher.errors import PermanentError
from refresher.model import pathtext
from refresher.model.credential import Secret
from refresher.secretfile import SIZE_LIMIT, read_bytes, secret_from_bytes

Command = Callable[..., int]

_FILE: Final = "--password-file"
_PIPED: Final = "give --password-stdin or --password-file FILE"
_TERMINAL_LINE: Final = 4095
"""Bytes that Linux takes of a line that is typed (termios(3), canonical mode)."""

_KEY: Final = "_json_key"
_ENCODED_KEY: Final = "_json_key_base64"
"""User names whose password is a service-account key
(https://cloud.google.com/artifact-registry/docs/docker/authentication#json-key)."""


def _path(_context: click.Context, _option: click.Parameter, text: str | None) -> Path | None:
    wrong = "" if text is None else pathtext.defect(text)
    if wrong:
        raise click.BadParameter(wrong)
    return None if text is None else Path(text)


_stdin: Final = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
_file: Final = click.option(
    _FILE,
    metavar="FILE",
    callback=_path,
    help="Read the password from a file.",
)
_prompt: Final = click.option(
    "--password-prompt", is_flag=True, help="Ask for the password at the terminal."
)


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """Where a command is told to take a password from; `prompt` stands for the terminal."""

    stdin: bool
    file: Path | None
    prompt: bool = False

    def __post_init__(self) -> None:
        """Refuse two sources: nobody has to guess which one counts."""
        if self.stdin + (self.file is not None) + self.prompt > 1:
            raise click.UsageError("two password options: give one")

    @property
    def given(self) -> bool:
        """Whether one was named."""
        return self.prompt or not self.asks

    @property
    def asks(self) -> bool:
        """Whether a person is asked."""
        return not self.stdin and self.file is None

    def read(self, username: str, address: str) -> Secret:
        """Return the password of a user at a registry; who named no source is asked for it.

        Raises `click.BadParameter` for a password that no client can send, `click.Abort`
        if nobody gave one after all.
        """
        with argument("the password"):
            if self.file is not None:
                what = f"{_FILE} {self.file}"
                return _password(read_bytes(self.file, _FILE), username, what)
            if self.stdin:
                return _password(_from_stdin(), username, "standard input")
            return _password(_asked(username, address), username, "it")


def takes_password(*, prompt: bool = False) -> Callable[[Command], Command]:
    """Return what adds the password options to a command, whose function gets a `PasswordSource`.

    With `prompt` one of them asks for it: for a command that does not ask by itself.
    """

    def decorate(function: Command) -> Command:
        @wraps(function)
        def sourced(
            *args: Any,
            password_stdin: bool,
            password_file: Path | None,
            password_prompt: bool = False,
            **words: Any,
        ) -> int:
            source = PasswordSource(password_stdin, password_file, password_prompt)
            return function(*args, password=source, **words)

        return _stdin(_file(_prompt(sourced) if prompt else sourced))

    return decorate


def _from_stdin() -> bytes:
    if is_terminal():
        raise click.UsageError(
            "--password-stdin takes a pipe or a file, as a terminal shows what is typed; "
            "without it the password is asked for"
        )
    # None where the caller closed it.
    raw = sys.stdin.buffer.read(SIZE_LIMIT + 1) if sys.stdin else b""
    if len(raw) > SIZE_LIMIT:
        raise PermanentError(
            f"standard input is larger than {SIZE_LIMIT} bytes",
            hint="give the password alone",
        )
    return raw


def _asked(username: str, address: str) -> bytes:
    if not is_terminal():
        raise click.UsageError(f"there is no terminal to ask for the password at; {_PIPED}")
    raw = ask(f"Password for {username} at {address}: ").encode("utf-8", "surrogateescape")
    if not raw:
        raise PermanentError("it is empty", hint="nothing is changed")
    if len(raw) >= _TERMINAL_LINE:
        raise PermanentError("it is longer than a terminal's line", hint=_PIPED)
    if raw.strip() == b"{":
        raise PermanentError("it is only the first line of a document", hint=_PIPED)
    return raw


def _password(raw: bytes, username: str, what: str) -> Secret:
    if username not in (_KEY, _ENCODED_KEY):
        return secret_from_bytes(raw, what)
    return _service_account_key(raw, what, encoded=username == _ENCODED_KEY)


def _service_account_key(raw: bytes, what: str, *, encoded: bool) -> Secret:
    """Return a key in one line, in the form that its user name promises."""
    from base64 import b64encode  # noqa: PLC0415 - for a key alone

    from refresher.providers.google.file import parse  # noqa: PLC0415 - the same
    from refresher.providers.google.key import one_line, refuse_other_kinds  # noqa: PLC0415

    file = parse(raw, what)
    refuse_other_kinds(file)
    for notice in file.notices:
        say(f"notice: {notice}")
    text = one_line(file.fields)
    return Secret(b64encode(text.encode()).decode() if encoded else text)
