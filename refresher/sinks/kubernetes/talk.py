"""One operation at a cluster: calls that are all over by one moment.

Nothing that was sent or answered gets into an error. Redirects are not followed: the token goes to
the server that the settings name, and nowhere else.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from refresher.errors import RefresherError, RetryableError
from refresher.model.credential import Secret
from refresher.net.direct import Deadline, Headers, Reply, request_bytes
from refresher.net.silence import unanswered
from refresher.net.trust import CA_VARIABLES
from refresher.ports import Clock
from refresher.sinks.kubernetes.access import BODY_LIMIT, Way

JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
"""RFC 7386."""

AGENT: Final = "refresher"
"""The User-Agent, and so the field manager of what is written."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to wait for an answer, and for an operation as a whole, to write or to read."""

    answer: float = 8.0
    write: float = 16.0
    read: float = 48.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `document` is its JSON object, None if it sent none."""

    status: int
    headers: Headers
    document: Mapping[str, Any] | None = field(default=None, repr=False)


class TooLargeError(RetryableError):
    """An answer is larger than anything that is worth keeping."""


class Talk:
    """The calls of one operation, which may come from several threads."""

    def __init__(self, way: Way, clock: Clock, *, answer: float, whole: float) -> None:
        """Start the clock: when the time is over no call begins, and none goes on."""
        self.way = way
        self.clock = clock
        self._answer = answer
        self._deadline = Deadline(clock, whole)

    @property
    def host(self) -> str:
        """The server, for messages."""
        return self.way.cluster.host

    @property
    def identity(self) -> str:
        """Where the token comes from, for messages."""
        return self.way.cluster.identity.source

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        try:
            self._deadline.left()
        except TimeoutError:
            return True
        return False

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        media: str = JSON,
    ) -> Answer:
        """Send one request to the API and return its answer, whatever that is.

        Where the token is refused it is read again, and the request is sent once more. Raises
        `RetryableError` or `PermanentError` if there is no answer, or none in time.
        """
        target = f"{self.way.cluster.base}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else _encoded(body)
        identity = self.way.cluster.identity
        authorization = identity.authorization()
        reply = self._sent(method, target, authorization, data, media)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            authorization = identity.authorization(authorization)
            reply = self._sent(method, target, authorization, data, media)
        return Answer(reply.status, reply.headers, _document(reply.body))

    def _sent(
        self, method: str, target: str, authorization: Secret | None, data: bytes | None, media: str
    ) -> Reply:
        headers = {
            "Host": self.host,
            "User-Agent": AGENT,
            "Accept": JSON,
            "Accept-Encoding": "identity",
        }
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        if data is not None:
            headers["Content-Type"] = media
        reply = self._attempt(method, request_bytes(method, target, headers, data))
        if isinstance(reply, Reply):
            return reply
        if isinstance(reply, BufferError):
            raise TooLargeError(f"{self.host} answers with more than {BODY_LIMIT} bytes")
        raise self._silent(reply)

    def _attempt(self, method: str, request: bytes) -> Reply | BaseException:
        # Errors of connections may hold what was sent or answered: none may be the context of ours.
        try:
            return self.way.pool.ask(method, request, self._deadline.within(self._answer))
        except RefresherError:
            raise
        except (OSError, ValueError, BufferError, http.client.HTTPException) as error:
            return error

    def _silent(self, error: BaseException) -> RefresherError:
        fault, authorities = unanswered(self.host, error, ""), self.way.cluster.authorities
        # The usual authorities, which variables name, don't count where the cluster has its own.
        if authorities is not None and CA_VARIABLES[0] in fault.hint:
            fault.hint = f"{authorities.what} is another cluster's, or was renewed since"
        return fault


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _document(body: bytes) -> Mapping[str, Any] | None:
    # An error of the parser holds the whole text, so it may not be the context of ours.
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
