"""The HTTP transport that google-auth is given: one attempt per call, bounded in time and size.

google-auth calls a transport as a function (`google.auth.transport.Request`)
and retries what it raises as a `TransportError` or answers with a server error,
with a timeout of 120 s each. This one raises the package's own errors instead,
which google-auth lets pass: the engine is the only retry. It also keeps
answers out of the log, where google-auth's own transport would write them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from refresher.errors import RefresherError, RetryableError
from refresher.ports import Clock
from refresher.providers.google.answer import Answer
from refresher.providers.google.faults import refused
from refresher.providers.google.reach import unanswered

if TYPE_CHECKING:
    import requests

_CONNECT: Final = 5.0
_READ: Final = 10.0
_SIZE_LIMIT: Final = 65_536
_OK: Final = 200


class Transport:
    """Sends google-auth's calls over one session until `deadline` seconds from now have passed.

    `verify` is a file of certificate authorities, or True for the public ones.
    `last` is the answer that came last. `exchanged` tells whether one came from
    where tokens are exchanged: sources of identities are never asked by POST.
    """

    def __init__(
        self, session: "requests.Session", clock: Clock, deadline: float, *, verify: str | bool
    ) -> None:
        """Start the clock of the deadline. google-auth itself looks for `session`."""
        self.session = session
        self.last: Answer | None = None
        self.exchanged = False
        self._clock = clock
        self._end = clock.monotonic() + deadline
        self._verify = verify

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Send one request and return its answer, whatever google-auth would make of it.

        Raises `RetryableError`, `PermanentError` or `ClockError` for every
        answer but 200, and if there is none in time.
        """
        host = urlsplit(url).hostname or url
        read = min(_READ, timeout or _READ, self._left(host))
        answer = self._send(
            host,
            method=method,
            url=url,
            data=body,
            headers=dict(headers or {}),
            timeout=(min(_CONNECT, read), read),
            verify=self._verify,
            cert=kwargs.get("cert"),
            allow_redirects=False,
            stream=True,
        )
        if not isinstance(answer, Answer):
            raise unanswered(host, answer)
        self.last = answer
        self.exchanged = self.exchanged or method == "POST"
        if answer.status != _OK:
            raise refused(answer)
        return answer.for_google_auth()

    def _send(self, host: str, **call: Any) -> Answer | BaseException:
        # An error of requests holds the request, so none may be the context of ours.
        try:
            with self.session.request(**call) as response:
                data = self._read(host, response)
        except RefresherError:
            raise
        except (OSError, ValueError) as error:
            return error
        now = self._clock.now()
        return Answer(host, response.status_code, response.headers, data, now)

    def _read(self, host: str, response: "requests.Response") -> bytes:
        # Byte by byte: a larger piece would be waited for, however slowly it drips.
        data = bytearray()
        for piece in response.iter_content(1):
            data += piece
            self._left(host)
            if len(data) > _SIZE_LIMIT:
                raise RetryableError(f"{host} answered with more than {_SIZE_LIMIT} bytes")
        return bytes(data)

    def _left(self, host: str) -> float:
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise RetryableError(f"{host} did not answer in time")
        return left
