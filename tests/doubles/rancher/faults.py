"""What can go wrong: each function returns a `Fault` for `RancherDouble.fail`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.message import Answer


@dataclass(frozen=True)
class Fault:
    """A deviation from the good answer.

    `answer` takes its place; without one the good answer is sent, after `delay` seconds, and
    `cut` in half. `lost` forgets what the request changed, though the answer shows it. `applied`
    lets the request have its effect before `answer`, `hang` or `reset` hide it. `hang` keeps
    silent until the end, `reset` closes the connection with a TCP reset.
    """

    answer: Answer | None = None
    delay: float = 0.0
    cut: bool = False
    lost: bool = False
    applied: bool = False
    hang: bool = False
    reset: bool = False


@dataclass
class Planned:
    """A fault, for which requests, and how often yet. None matches anything, and is for ever."""

    fault: Fault
    times: int | None
    wanted: Mapping[str, str] = field(default_factory=dict)

    def takes(self, request: Mapping[str, str]) -> bool:
        """Say whether it is for this request."""
        return all(request[name] == value for name, value in self.wanted.items())


def refusal(
    status: int, code: str | None = None, *, applied: bool = False, **headers: str
) -> Fault:
    """Return an error document; `_` in the names of headers stands for `-`."""
    error = ApiError(status, code)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(Answer(error.status, error.document(), named), applied=applied)


def conflict() -> Fault:
    """Return what a lock that somebody holds gives: 409, and nothing is changed."""
    return refusal(HTTPStatus.CONFLICT)


def throttled(retry_after: str = "1") -> Fault:
    """Return a 429. Rancher has no limit of its own; a proxy in front of it may."""
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, Retry_After=retry_after)


def invalid(code: str, field: str) -> Fault:
    """Return a 422 about a field."""
    error = ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, code, field=field)
    return Fault(Answer(error.status, error.document()))


def page(status: int = 502, text: str = "<html><body>502 Bad Gateway</body></html>") -> Fault:
    """Return a page of HTML, as a proxy in front of the server or a portal gives it."""
    return Fault(Answer(status, None, {}, text, "text/html"))


def garbage(text: str = "{]") -> Fault:
    """Return an answer with status 200 that says to be JSON and is none."""
    return Fault(Answer(HTTPStatus.OK, text=text))


def cut() -> Fault:
    """Return the first half of the good answer, as if that were all."""
    return Fault(cut=True)


def slow(seconds: float) -> Fault:
    """Return the good answer, late."""
    return Fault(delay=seconds)


def hang(*, applied: bool = False) -> Fault:
    """Return silence."""
    return Fault(hang=True, applied=applied)


def reset(*, applied: bool = False) -> Fault:
    """Return a connection that breaks."""
    return Fault(reset=True, applied=applied)


def lost_write() -> Fault:
    """Return the good answer to a write that is not kept."""
    return Fault(lost=True)
