"""The report of our own bug."""

import platform

from refresher import __version__
from refresher.model.credential import Secret
from refresher.observe.crash import crash_report
from refresher.observe.redact import Redactor
from tests.observe.canary import forms, leaks

CANARY = Secret("canary-in-a-crash/with+'quotes\"-and-more")


def _crash() -> BaseException:
    token = CANARY.reveal()
    parts = [ValueError(*forms(token).values())]
    crash = ExceptionGroup(f"parts of {token}", parts)
    crash.__cause__ = KeyError(token)
    crash.add_note(f"while sending {token}\x1b[31m")
    try:
        raise crash
    except ExceptionGroup as error:
        return error


def test_a_report_holds_what_its_makers_need() -> None:
    """Versions, platform, where to send it, and the way to the fault."""
    report = crash_report(_crash(), Redactor(lambda: [CANARY]))
    for needed in (
        f"refresher {__version__}",
        platform.python_version(),
        platform.system(),
        "/issues",
        "in _crash",
        "KeyError",
        "ValueError",
        "while sending ***",
    ):
        assert needed in report


def test_a_report_holds_no_secret() -> None:
    """Causes, groups, notes and messages pass the redactor, and no local variable is shown."""
    report = crash_report(_crash(), Redactor(lambda: [CANARY]))
    for form in forms(CANARY.reveal()).values():
        assert leaks(report, form.strip('"')) == []


def test_a_report_commands_no_terminal() -> None:
    """What an exception says is text, whatever it holds."""
    report = crash_report(_crash(), Redactor(lambda: [CANARY]))
    assert all(char.isprintable() for char in report.replace("\n", ""))
