"""From a request to an answer: the same manners for every page."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import pytest

from refresher.errors import RetryableError
from refresher.observe.web.site import Answer, Site, text
from refresher.ports import EventName
from refresher.testing import EventLog


def _broken(_environ: Mapping[str, Any]) -> Answer:
    raise ValueError("canary /canary/path")


def _busy(_environ: Mapping[str, Any]) -> Answer:
    raise RetryableError("not now")


class Client:
    """A site over three pages, asked directly."""

    def __init__(self) -> None:
        self.events = EventLog()
        pages: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "/good": lambda _: text("one", "two"),
            "/busy": _busy,
            "/broken": _broken,
        }
        self._site = Site(pages, self.events)

    def ask(
        self, path: str, method: str = "GET", query: str = ""
    ) -> tuple[str, dict[str, str], str]:
        """Return the status line, the headers and the body."""
        begun: list[tuple[str, list[tuple[str, str]]]] = []
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
        body = self._site(environ, lambda status, headers: begun.append((status, headers)))
        ((status, headers),) = begun
        return status, dict(headers), b"".join(body).decode()


@pytest.fixture
def client() -> Client:
    """Give a site."""
    return Client()


def test_a_page_is_plain_text_that_nobody_keeps(client: Client) -> None:
    """A cached answer would tell of a health that is gone."""
    status, headers, body = client.ask("/good")
    assert (status, body) == ("200 OK", "one\ntwo\n")
    assert headers == {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def test_head_tells_the_same_without_a_body(client: Client) -> None:
    """Status and headers are those of a GET."""
    status, headers, _ = client.ask("/good")
    assert client.ask("/good", "HEAD") == (status, headers, "")


@pytest.mark.parametrize("query", ["verbose", "a=b&c=d", "=&=", "%00" * 100])
def test_queries_are_ignored(client: Client, query: str) -> None:
    """Probes are written for other programs too."""
    assert client.ask("/good", query=query)[0] == "200 OK"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ODD"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    """And told which ones there are."""
    status, headers, _ = client.ask("/good", method)
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "", "/good/", "/Good", "/good/../good", "//good", "/\xff"])
def test_other_paths_are_not_found(client: Client, path: str) -> None:
    """The answer says which paths there are, and nothing of the one that was asked for."""
    status, headers, body = client.ask(path)
    assert status == "404 Not Found"
    assert headers["Cache-Control"] == "no-store"
    assert body == "not found\nthere are /good, /busy, /broken\n"


def test_what_can_not_be_told_now_is_unavailable(client: Client) -> None:
    """A fault that time heals, with its reason."""
    status, _, body = client.ask("/busy")
    assert (status, body) == ("503 Service Unavailable", "not now\n")
    assert client.events.seen == []


def test_a_bug_is_told_to_us_and_not_to_the_world(client: Client) -> None:
    """The answer is a status; the event tells where the bug is."""
    status, headers, body = client.ask("/broken")
    assert status == f"{HTTPStatus.INTERNAL_SERVER_ERROR.value} Internal Server Error"
    assert headers["Cache-Control"] == "no-store"
    assert "canary" not in body
    (event,) = client.events.seen
    assert event.name == EventName.FAULT
    assert "ValueError" in event.detail
    assert "canary" not in event.detail
