"""One request at a time, bounded in time and size. Importing this module loads requests.

Nothing that a server says gets into an error, and nothing that was sent.
"""

import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin

import requests

from refresher.errors import RefresherError, RetryableError
from refresher.model.credential import Secret
from refresher.net.session import Session
from refresher.net.silence import first, unanswered
from refresher.net.transport import Adapter, trusting
from refresher.net.url import Url, parse
from refresher.net.wire import Wire
from refresher.ports import Clock
from refresher.registry.policy import Policy

BODY_LIMIT: Final = 1_048_576
"""Bytes. Tokens have a few thousand."""

_CONNECT: Final = 5.0
_READ: Final = 10.0
_PIECE: Final = 1_024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 3
_HEADERS: Final = {"User-Agent": "refresher", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `challenges` are its `WWW-Authenticate` headers, one by one."""

    status: int
    headers: Mapping[str, str]
    challenges: tuple[str, ...] = ()
    body: bytes = b""


class Client:
    """Sends the requests of one check, until `deadline` seconds from now have passed.

    Use it as a context manager. Proxies are those of the environment, as for every client.
    """

    def __init__(
        self, policy: Policy, env: Mapping[str, str], clock: Clock, deadline: float
    ) -> None:
        """Start the clock of the deadline. Raises `PermanentError` for unusable authorities."""
        self._policy = policy
        self._wire = Wire(deadline)
        adapter = Adapter(self._wire, trusting(policy.authorities, env))
        self._clock = clock
        self._end = clock.monotonic() + deadline
        self._session = Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Let the time count for the connections."""
        self._stack.enter_context(self._session)
        self._stack.enter_context(self._wire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connections."""
        self._stack.close()

    def ask(
        self,
        method: str,
        url: Url,
        *,
        authorization: Secret | None = None,
        accept: str = "*/*",
        whole: bool = False,
    ) -> Answer:
        """Send one request and return the answer, with its body where the `whole` is wanted.

        Follows redirects at the same scheme, host and port only: a credential goes
        nowhere else. Raises `RetryableError` or `PermanentError` if there is no
        answer in time, or none to read.
        """
        headers = {**_HEADERS, "Accept": accept}
        if authorization is not None:
            headers["Authorization"] = authorization.reveal()
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._send(method, url, headers, whole=whole)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            url = _followed(url, answer)
        raise RetryableError(f"{url.authority} redirects in a circle")

    def _send(self, method: str, url: Url, headers: Mapping[str, str], *, whole: bool) -> Answer:
        left = self._end - self._clock.monotonic()
        if left <= 0 or self._wire.is_cut:
            raise _late(url)
        answer = self._attempt(
            url,
            whole=whole,
            method=method,
            url=str(url),
            headers=headers,
            timeout=(min(_CONNECT, left), min(_READ, left)),
            verify=not self._policy.is_insecure(url.authority),
            allow_redirects=False,
            stream=True,
        )
        if self._wire.is_cut:  # An answer that was cut may look complete.
            raise _late(url)
        if not isinstance(answer, Answer):
            raise _silent(url, answer)
        return answer

    def _attempt(self, asked: Url, *, whole: bool, **call: Any) -> Answer | BaseException:
        # An error of requests holds the request, so none may be the context of ours.
        try:
            with self._session.request(**call) as response:
                body = _read(asked, response) if whole else b""
        except RefresherError:
            raise
        except (OSError, ValueError) as error:
            return error
        challenges = response.raw.headers.getlist("WWW-Authenticate")
        return Answer(response.status_code, response.headers, tuple(challenges), body)


def _read(url: Url, response: requests.Response) -> bytes:
    data = bytearray()
    for piece in response.iter_content(_PIECE):
        data += piece
        if len(data) > BODY_LIMIT:
            raise RetryableError(f"{url.authority} answers with more than {BODY_LIMIT} bytes")
    return bytes(data)


def _followed(url: Url, answer: Answer) -> Url:
    try:
        target = parse(urljoin(str(url), answer.headers["Location"]))
    except ValueError:
        target = None
    if target is None or target.origin != url.origin:
        raise RetryableError(
            f"{url.authority} redirects to another place, and the credential goes nowhere else",
            hint="name the registry by the address that it redirects to",
        )
    return target


def _silent(url: Url, error: BaseException) -> RefresherError:
    fault = unanswered(url.authority, error, "verify.ca_file or trust")
    if not fault.hint and first(error, ssl.SSLError) is not None:
        fault.hint = "if it speaks plain HTTP on purpose, name it in verify.insecure or trust"
    return fault


def _late(url: Url) -> RetryableError:
    return RetryableError(f"{url.authority} did not answer in time")
