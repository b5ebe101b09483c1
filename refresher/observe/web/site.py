"""A WSGI application over a few pages: methods, headers and faults are the same for all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from refresher.errors import RetryableError, unforeseen
from refresher.ports import Event, EventName, Events, Severity

PLAIN: Final = "text/plain; charset=utf-8"
"""The content type of text for people."""

_METHODS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to one request."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = PLAIN


Page = Callable[[Mapping[str, Any]], Answer]
"""Answers a GET; takes the WSGI environment (PEP 3333)."""


def text(*lines: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return an answer in plain text."""
    return Answer("".join(f"{line}\n" for line in lines).encode(), status)


class Site:
    """Answers requests for `pages`, which are named by their exact paths.

    Queries are ignored. A page that raises is answered with a status alone:
    messages may hold paths.
    """

    def __init__(self, pages: Mapping[str, Page], events: Events) -> None:
        """Take the pages, and who hears of their faults."""
        self._pages = pages
        self._events = events

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 has it."""
        method = environ["REQUEST_METHOD"]
        answer = self._answer(method, environ)
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", ", ".join(_METHODS)))
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [] if method == "HEAD" else [answer.body]

    def _answer(self, method: str, environ: Mapping[str, Any]) -> Answer:
        path = environ["PATH_INFO"]
        page = self._pages.get(path)
        if page is None:
            known = f"there are {', '.join(self._pages)}"
            return text("not found", known, status=HTTPStatus.NOT_FOUND)
        if method not in _METHODS:
            return text("method not allowed", status=HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            return page(environ)
        except RetryableError as error:
            return text(str(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - one page's fault never touches another
            fault = unforeseen(path, error)
            event = Event(EventName.FAULT, Severity.ERROR, detail=str(fault), hint=fault.hint)
            self._events.emit(event)
            return text("a bug of refresher", status=HTTPStatus.INTERNAL_SERVER_ERROR)
