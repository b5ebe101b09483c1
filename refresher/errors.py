"""Everything that `refresher` raises on purpose: one root, and the kind of fault in the type.

The engine reads only the type: a `RetryableError` is tried again soon, a
`PermanentError` slowly (somebody has to act, and then it heals by itself). A
`ClockError` is one whose remedy is a clock. A message says who, what, which setting and
what to do, and never holds a secret or the body of an answer.
"""

from dataclasses import dataclass


class RefresherError(Exception):
    """The root of all errors of this package.

    `hint` is one sentence for the person who reads the message: what to do next.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the message apart from the hint, so that logs can show both."""
        super().__init__(message)
        self.hint = hint


class RetryableError(RefresherError):
    """A fault that time heals: a timeout, throttling, a server error.

    `retry_after` is the wait in seconds that the other side asked for, if it did.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        """See the class."""
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class PermanentError(RefresherError):
    """A fault that a person or another system has to repair: denied, revoked, malformed."""


class ClockError(PermanentError):
    """The other side refused a request because the two clocks disagree: set one of them.

    `skew` is the server's clock minus ours in seconds, None if it could not be measured.
    """

    def __init__(self, message: str, *, hint: str = "", skew: float | None = None) -> None:
        """See the class."""
        super().__init__(message, hint=hint)
        self.skew = skew


class StoreError(RetryableError):
    """The registry store or the records can't be read or written."""


class LockTimeoutError(RetryableError):
    """Another run held the lock of a provider for longer than we would wait."""


def unforeseen(who: str, error: BaseException) -> PermanentError:
    """Return what stands for an exception that nobody raised on purpose.

    It tells whose fault it is, the class and the place. The words of the
    exception could hold anything, so they are left out.
    """
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    fault = PermanentError(
        f"{who} has a fault of its own: {type(error).__name__}{where}",
        hint=f"report it to the author of {who}",
    )
    fault.__cause__ = error
    return fault


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the settings."""

    message: str
    field: str = ""
    line: int | None = None

    def at(self, source: str) -> str:
        """Return the problem as `source:line: field: message`, leaving out what is unknown."""
        place = f"{source}:{self.line}" if self.line else source
        return ": ".join(part for part in (place, self.field, self.message) if part)


class SettingsError(PermanentError):
    """The settings are wrong; `problems` lists everything that is, not only the first."""

    def __init__(self, source: str, problems: tuple[Problem, ...], *, hint: str = "") -> None:
        """Take the settings' origin (a path, or what stands for it) and its problems."""
        super().__init__("\n".join(problem.at(source) for problem in problems), hint=hint)
        self.source = source
        self.problems = problems
