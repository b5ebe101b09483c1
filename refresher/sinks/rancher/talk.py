"""One operation at a server: calls under one key that are all over by one moment.

Nothing that was sent or answered gets into an error. Redirects are not followed:
the keys go to the server that the settings name, and nowhere else.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from refresher.errors import RefresherError, RetryableError
from refresher.model.credential import Secret
from refresher.net.silence import unanswered
from refresher.net.wire import Wire
from refresher.ports import Clock
from refresher.sinks.rancher.connections import Line
from refresher.sinks.rancher.names import USUAL, Names
from refresher.sinks.rancher.server import Server

if TYPE_CHECKING:
    import requests

BODY_LIMIT: Final = 33_554_432
"""Bytes. A page of a thousand credentials has about two million."""

_PIECE: Final = 65_536
_HTTPS: Final = 443
_HEADERS: Final = {
    "User-Agent": "refresher",
    # Browsers are answered with a page.
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to wait for a piece of an answer, and for an operation as a whole."""

    connect: float = 4.0
    read: float = 8.0
    whole: float = 16.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `document` is its JSON object, None if it sent none."""

    status: int
    headers: Mapping[str, str]
    document: Mapping[str, Any] | None = field(default=None, repr=False)


class Talk:
    """The calls of one operation, which may come from several threads.

    Use it as a context manager.
    """

    def __init__(
        self,
        server: Server,
        line: Line,
        authorization: Secret,
        clock: Clock,
        timeouts: Timeouts,
        *,
        names: Names = USUAL,
    ) -> None:
        """Start the clock: when the time is over no call begins, and none goes on."""
        self._timeouts = timeouts
        self._wire = Wire(timeouts.whole)
        self.server = server
        self.clock = clock
        self.names = names
        self._line = line
        self._authorization = authorization
        self._end = clock.monotonic() + timeouts.whole
        self._lock = threading.Lock()
        self._rancher_2: bool | None = None

    def __enter__(self) -> Self:
        """Let the time count for the connections."""
        self._wire.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Let the connections go; they stay open."""
        self._wire.__exit__(None, None, None)

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self._left <= 0 or self._wire.is_cut

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request to the API and return its answer, whatever that is.

        Raises `RetryableError` or `PermanentError` if there is none, or none in time.
        """
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**_HEADERS, "Authorization": self._authorization.reveal()}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        return self._sent(method=method, url=url, headers=headers, data=data)

    def is_rancher_2(self) -> bool:
        """Tell whether the server is one of Rancher 2. It is asked once, and without the keys."""
        with self._lock:
            if self._rancher_2 is None:
                self._rancher_2 = self._has_api_root()
            return self._rancher_2

    def _has_api_root(self) -> bool:
        # Rancher 2 lists its APIs for everybody; Rancher 1 asks for the keys.
        try:
            answer = self._sent(
                method="GET", url=str(self.server.origin), headers=_HEADERS, data=None
            )
        except RefresherError:
            return False
        return answer.document is not None and answer.document.get("resourceType") == "apiRoot"

    def _sent(self, **call: Any) -> Answer:
        if self.is_over:
            raise self._late()
        left = min(self._left, self._timeouts.read)
        with self._line.lines.during(self._wire):
            answer = self._attempt(
                **call,
                timeout=(min(self._timeouts.connect, left), left),
                allow_redirects=False,
                stream=True,
            )
        if self._wire.is_cut:  # An answer that was cut may look complete.
            raise self._late()
        if not isinstance(answer, Answer):
            raise self._silent(answer)
        return answer

    def _attempt(self, **call: Any) -> Answer | BaseException:
        # An error of requests holds the request, so none may be the context of ours.
        try:
            with self._line.session.request(**call) as response:
                body = self._read(response)
        except RefresherError:
            raise
        except (OSError, ValueError) as error:
            return error
        return Answer(response.status_code, response.headers, _document(body))

    def _read(self, response: "requests.Response") -> bytes:
        data = bytearray()
        for piece in response.iter_content(_PIECE):
            data += piece
            if len(data) > BODY_LIMIT:
                raise RetryableError(
                    f"{self.server.host} answers with more than {BODY_LIMIT} bytes"
                )
        return bytes(data)

    @property
    def _left(self) -> float:
        return self._end - self.clock.monotonic()

    def _silent(self, error: BaseException) -> RefresherError:
        fault = unanswered(self.server.host, error, self.names.ca_file)
        if not fault.hint and str(fault).startswith("TLS ") and self.server.origin.port != _HTTPS:
            fault.hint = f"if it speaks plain HTTP, write http:// in {self.names.url}"
        return fault

    def _late(self) -> RetryableError:
        return RetryableError(f"{self.server.host} did not answer in time")


def _document(body: bytes) -> Mapping[str, Any] | None:
    # An error of the parser holds the whole text, so it may not be the context of ours.
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
