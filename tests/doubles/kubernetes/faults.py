"""What can go wrong: each function returns a `Fault` for `KubernetesDouble.fail`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.doubles.kubernetes.message import Answer
from tests.doubles.kubernetes.statuses import ApiError, too_many_requests

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Fault:
    """A deviation from the good answer.

    `answer` takes its place; without one the good answer is sent, after `delay` seconds. `cut`
    sends half of it as if that were all, `torn` breaks the connection in the middle. `applied`
    lets the request have its effect before `answer`, `hang` or `reset` hide it. `hang` keeps
    silent until the end, `reset` closes the connection with a TCP reset.
    """

    answer: Answer | None = None
    delay: float = 0.0
    cut: bool = False
    torn: bool = False
    applied: bool = False
    hang: bool = False
    reset: bool = False


@dataclass
class Planned:
    """A fault, for which requests, and how often yet. None matches anything, and is for ever."""

    fault: Fault
    times: int | None
    wanted: Mapping[str, str] = field(default_factory=dict)


def refusal(error: ApiError, *, applied: bool = False) -> Fault:
    """Return a Status; see `statuses` for those that the server gives."""
    return Fault(Answer.refusal(error), applied=applied)


def status(
    code: int, reason: str = "", message: str = "a fault", *, applied: bool = False
) -> Fault:
    """Return a Status with a code."""
    return refusal(ApiError(code, reason, message), applied=applied)


def throttled(seconds: int = 1) -> Fault:
    """Return a 429 as API Priority and Fairness gives it: text, and Retry-After.

    k8s.io/apiserver, pkg/server/filters/priority-and-fairness.go
    """
    return text(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests, please try again later.\n",
        **{"Retry-After": str(seconds)},
    )


def throttled_status(seconds: int = 1) -> Fault:
    """Return a 429 as a Status, which an eviction or an aggregated server gives."""
    return refusal(too_many_requests(seconds))


def internal_error(why: str = "etcdserver: leader changed") -> Fault:
    """Return a 500 (apierrors.NewInternalError)."""
    message = f"Internal error occurred: {why}"
    details = {"causes": [{"message": why}]}
    return refusal(ApiError(500, "InternalError", message, details=details))


def webhook_down(name: str) -> Fault:
    """Return what a webhook with failurePolicy Fail becomes when nobody answers there."""
    post = f'Post "https://{name}.svc:443/validate?timeout=10s"'
    why = f"failed to call webhook: {post}: context deadline exceeded"
    return internal_error(f'failed calling webhook "{name}": {why}')


def unavailable() -> Fault:
    """Return a 503, as during start (apierrors.NewServiceUnavailable)."""
    message = "the server is currently unable to handle the request"
    return refusal(ApiError(503, "ServiceUnavailable", message))


def shutting_down() -> Fault:
    """Return what a server says on its way out: 429 and Retry-After 5.

    k8s.io/apiserver, pkg/server/filters/with_retry_after.go
    """
    message = "The apiserver is shutting down, please try again later.\n"
    headers = {"Retry-After": "5", "Connection": "close"}
    return text(HTTPStatus.TOO_MANY_REQUESTS, message, **headers)


def text(code: int, said: str, **headers: str) -> Fault:
    """Return an answer in plain text."""
    return Fault(Answer(code, said.encode(), dict(headers), _TEXT))


def page(code: int = 502, said: str = "<html><body>502 Bad Gateway</body></html>") -> Fault:
    """Return a page of HTML, as a load balancer in front of the server gives it."""
    return Fault(Answer(code, said.encode(), {}, "text/html"))


def garbage(said: str = "{]") -> Fault:
    """Return an answer with status 200 that says to be JSON and is none."""
    return Fault(Answer(HTTPStatus.OK, said.encode()))


def cut() -> Fault:
    """Return the first half of the good answer, as if that were all."""
    return Fault(cut=True)


def torn() -> Fault:
    """Return the first half of the good answer, and a connection that breaks."""
    return Fault(torn=True)


def slow(seconds: float) -> Fault:
    """Return the good answer, late."""
    return Fault(delay=seconds)


def hang(*, applied: bool = False) -> Fault:
    """Return silence."""
    return Fault(hang=True, applied=applied)


def reset(*, applied: bool = False) -> Fault:
    """Return a connection that breaks."""
    return Fault(reset=True, applied=applied)
