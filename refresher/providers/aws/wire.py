"""The connections of one fetch: bounded in time as a whole, and in what an answer may hold.

botocore limits the wait for each piece of an answer, neither their sum nor their
size: a server that drips would hold a fetch for as long as it likes, and a large
answer is kept whole. So every connection that is opened for a fetch is known to
its `Wire`, which shuts them all down when the time is over: whatever waits for
one, a TLS handshake too, fails at once and in its own thread, so none is left behind.

Clients are reached by botocore's event `creating-client-class` and by the
attribute `http_session` of their endpoint. For the connections there is no
public way: `_pool_classes_by_scheme` of botocore's HTTP session is used, and
`_new_conn` of urllib3's connections. Where a later version lacks them, fetches work as
before, and the tests of slow servers fail.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from botocore import exceptions as boto
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)
from botocore.client import BaseClient
from urllib3 import exceptions as urllib3

from refresher.errors import RetryableError

ANSWER_LIMIT: Final = 1_048_576
"""Bytes. ECR's answers have about 4,000."""

_PIECE: Final = 65_536


class Wire:
    """Knows the open connections, and cuts them after `seconds`. Use it as a context manager."""

    def __init__(self, seconds: float) -> None:
        """Start nothing yet."""
        self.is_cut = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start the time."""
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything."""
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def cut(self) -> None:
        """Shut down every connection, and from now on every new one."""
        with self._lock:
            self.is_cut = True
            for connected in self._sockets:
                _shut(connected)

    def keep(self, connected: socket.socket) -> None:
        """Get to know a new connection, by a descriptor of our own: TLS takes the other one."""
        with self._lock:
            if self.is_cut:
                _shut(connected)
            else:
                self._sockets.append(connected.dup())

    def bound(self, session: Any) -> "Line":
        """Return an HTTP session of botocore whose connections and answers are bounded."""
        pools = getattr(session, "_pool_classes_by_scheme", {})
        pools["http"] = partial(_pool, AWSHTTPConnectionPool, partial(_Plain, self))
        pools["https"] = partial(_pool, AWSHTTPSConnectionPool, partial(_Tls, self))
        return Line(session, self)

    def bound_client(self, **event: Any) -> None:
        """Bound a client that is about to be made: a handler of `creating-client-class`."""
        event["class_attributes"]["wire"] = self
        event["base_classes"].insert(0, _BoundedClient)


class Line:
    """An HTTP session of botocore that reads an answer within the bounds of a wire."""

    def __init__(self, session: Any, wire: Wire) -> None:
        """Send by `session`."""
        self._session = session
        self._wire = wire

    def send(self, request: Any) -> AWSResponse:
        """Return the whole answer. Raises what botocore's own sessions do, and `RetryableError`."""
        request.stream_output = True  # Else `session` would read it before we can.
        answer = self._session.send(request)
        try:
            body = self._read(answer.raw)
        except urllib3.ReadTimeoutError:
            raise boto.ReadTimeoutError(endpoint_url=request.url) from None
        except urllib3.HTTPError:
            raise boto.ConnectionClosedError(endpoint_url=request.url) from None
        finally:
            answer.raw.close()
        if self._wire.is_cut:  # An answer that was cut looks complete to urllib3.
            raise boto.ReadTimeoutError(endpoint_url=request.url)
        return AWSResponse(answer.url, answer.status_code, answer.headers, _Body(body))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _read(self, raw: Any) -> bytes:
        body = bytearray()
        for piece in raw.stream(_PIECE):
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise RetryableError(
                    f"an answer in AWS's place has more than {ANSWER_LIMIT} bytes",
                    hint="check AWS_ENDPOINT_URL settings and proxies: ECR's have a few thousand",
                )
        return bytes(body)


class _Body:
    """What was read, in the shape of a raw answer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


class _BoundedClient(BaseClient):
    """A base of botocore's clients: swaps the HTTP session of the endpoint."""

    wire: Wire

    def __init__(self, **parts: Any) -> None:
        parts["endpoint"].http_session = self.wire.bound(parts["endpoint"].http_session)
        super().__init__(**parts)


class _Plain(AWSHTTPConnection):
    def __init__(self, wire: Wire, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()
        self._wire.keep(connected)
        return connected


class _Tls(AWSHTTPSConnection):
    def __init__(self, wire: Wire, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()
        self._wire.keep(connected)
        return connected


def _pool(
    kind: Callable[..., Any], connection: Callable[..., Any], *args: Any, **options: Any
) -> Any:
    pool = kind(*args, **options)
    pool.ConnectionCls = connection
    return pool


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
