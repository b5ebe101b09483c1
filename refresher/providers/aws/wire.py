"""The connections of one fetch: bounded in time as a whole, and in what an answer may hold.

botocore limits the wait for each piece of an answer, neither their sum nor their
size: a large answer is kept whole. What it opens is therefore led over a wire
(`refresher.net.wire`), and answers are read here.

Clients are reached by botocore's event `creating-client-class` and by the
attribute `http_session` of their endpoint. For the connections there is no
public way: `_pool_classes_by_scheme` of botocore's HTTP session is used. Where a
later version lacks it, fetches work as before, and the tests of slow servers fail.
"""

from collections.abc import Iterator
from typing import Any, Final

from botocore import exceptions as boto
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from urllib3 import exceptions as urllib3

from refresher.errors import RetryableError
from refresher.net import wire

ANSWER_LIMIT: Final = 1_048_576
"""Bytes. ECR's answers have about 4,000."""

_PIECE: Final = 65_536


class Wire(wire.Wire):
    """Bounds what botocore opens."""

    def bound(self, session: Any) -> "Line":
        """Return an HTTP session of botocore whose connections and answers are bounded."""
        pools = getattr(session, "_pool_classes_by_scheme", {})
        pools.update(self.pools(pools))
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
