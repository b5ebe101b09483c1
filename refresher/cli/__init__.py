"""The command line: parses, wires, prints. One file per command, imported when it is called.

| exit code | meaning |
|---|---|
| 0 | done; also: nothing was due |
| 1 | some target failed; `status`: something is urgent or dead; `check`: a finding |
| 2 | the settings or the arguments are wrong |
| 3 | gave up waiting for another run |
| 4 | `get` or `resolve` has no answer |
| 70 | a bug of refresher itself |
"""

import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from refresher import __version__
from refresher.errors import RefresherError, SettingsError

OK: Final = 0
FAILED: Final = 1
WRONG_SETTINGS: Final = 2
LOCKED_OUT: Final = 3
NO_ANSWER: Final = 4
BUG: Final = 70

_INTERRUPTED: Final = 130
_LOSES_OUTPUT: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO})
_COMMANDS: Final = {
    "run": "renew for good, as a daemon",
    "once": "do what is due, then end",
    "plan": "show what `once` would do",
    "status": "show what is held where, and until when",
    "check": "validate settings, files and identities; write nothing",
    "retire": "remove what was put into the targets of a sink",
    "manifest": "print what a cluster needs for the settings",
    "get": "print the credential of one registry",
    "registry": "say which registries there are, and who pulls from them",
    "environment": "say which environments hold registries",
    "setting": "set the default registry, the whitelist, the credential in use",
    "resolve": "show what one image would be pulled with",
    "store": "back up the store, or seal its secrets with another key",
    "version": "print the version",
}


class _Commands(click.Group):
    """A group whose commands are imported one by one, when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"refresher.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Keep container-registry credentials alive, wherever they are needed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nothing it prints holds a secret."""
    # Most commands end before they make garbage worth looking for; the daemon turns it on again.
    gc.disable()
    # A name that the terminal's encoding lacks is shown escaped; nothing is lost by it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _main(arguments)
    finally:
        gc.enable()


def _main(arguments: Sequence[str] | None) -> int:
    try:
        result: Any = cli.main(arguments, prog_name="refresher", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return WRONG_SETTINGS
    except click.Abort:
        return _INTERRUPTED
    except RefresherError as error:
        _say(error)
        return WRONG_SETTINGS if isinstance(error, SettingsError) else FAILED
    except OSError as error:
        return _output_lost(error) if error.errno in _LOSES_OUTPUT else _report(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: report, hide secrets
        return _report(error)
    return result if isinstance(result, int) else OK


def _report(error: Exception) -> int:
    from refresher.observe.crash import crash_report  # noqa: PLC0415 - only a crash needs it
    from refresher.observe.redact import Redactor  # noqa: PLC0415 - the same

    click.echo(crash_report(error, Redactor()), err=True)
    return BUG


def _say(error: RefresherError) -> None:
    from refresher.cli.notes import say  # noqa: PLC0415 - only a failure needs it

    for line in str(error).splitlines() or [type(error).__name__]:
        say(f"error: {line}")
    if error.hint:
        say(f"hint: {error.hint}")


def _output_lost(error: OSError) -> int:
    """Say that nobody got the output, unless the reader just went away."""
    if error.errno != errno.EPIPE:
        click.echo(f"error: the output can't be written: {os.strerror(error.errno or 0)}", err=True)
    # Else the interpreter's own last flush would fail once more, aloud.
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - lives until the process ends
    return FAILED
