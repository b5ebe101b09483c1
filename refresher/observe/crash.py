"""The report of our own bug: what a person can send to the makers, and no secret in it."""

import platform
import traceback
from typing import Final

from refresher import __version__
from refresher.observe.lines import printable
from refresher.observe.redact import Redactor

_ISSUES: Final = "https://github.com/refresher/refresher/issues"

_HEAD: Final = f"""\
refresher stopped on a bug of its own. The credentials that are in place stay there.
Please report it at {_ISSUES} with what follows; secrets are masked.

refresher {__version__}, {platform.python_implementation()} {platform.python_version()}, \
{platform.system()} {platform.release()} {platform.machine()}
"""


def crash_report(exception: BaseException, redactor: Redactor) -> str:
    """Return a report of an exception that should not have happened.

    It holds the versions of the parts and the traceback without the values of
    variables. The messages of exceptions, ours or not, pass the redactor.
    """
    trace = traceback.TracebackException.from_exception(exception, capture_locals=False)
    report = _HEAD + "".join(trace.format())
    return "\n".join(printable(line) for line in redactor.redact(report).splitlines())
