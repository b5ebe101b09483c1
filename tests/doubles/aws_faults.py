"""What can go wrong at AWS, as answers that the double in `tests.doubles.aws` gives.

Each function returns a `Fault`: queue it with `AwsDouble.fail`. Error codes are those of
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html and
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One bad answer. `body` overrides the error document that `code` and `message` make.

    `date_offset` is added to the `Date` header in seconds, `hang` keeps the
    connection open without an answer, `disconnect` closes it without one. `drip` sends
    the "head" or the "body" of the answer byte by byte, without end.
    """

    status: int = 400
    code: str = ""
    message: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    date_offset: float = 0.0
    send_date: bool = True
    hang: bool = False
    disconnect: bool = False
    drip: str = ""


def throttled(retry_after: str | None = None) -> Fault:
    """Return the throttling that AWS mostly sends: status 400 and a code."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Fault(400, "ThrottlingException", "Rate exceeded", headers=headers)


def too_many_requests(retry_after: str | None = None) -> Fault:
    """Return a bare 429."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Fault(429, body=b"", headers=headers)


def server_error(status: int = 500) -> Fault:
    """Return a server error."""
    return Fault(status, "ServerException", "Internal failure")


def expired_token() -> Fault:
    """Return what an ended session gets."""
    return Fault(400, "ExpiredTokenException", "The security token included in it is expired")


def unrecognized_client() -> Fault:
    """Return what an unknown key gets."""
    return Fault(400, "UnrecognizedClientException", "The security token included is invalid")


def access_denied(message: str = "User is not authorized to perform this") -> Fault:
    """Return what an identity without the permission gets."""
    return Fault(400, "AccessDeniedException", message)


def invalid_signature(date_offset: float = 0.0) -> Fault:
    """Return what a wrong secret key gets, or with `date_offset` a wrong clock."""
    message = "Signature expired: 20260301T000000Z is now earlier than 20260301T165500Z"
    if not date_offset:
        message = "The request signature we calculated does not match the signature you provided"
    return Fault(403, "InvalidSignatureException", message, date_offset=date_offset)


def garbage(body: bytes = b"<html>Welcome to our hotel</html>", status: int = 200) -> Fault:
    """Return an answer that is none of AWS's, as captive portals and proxies give it."""
    return Fault(status, body=body)


def hang() -> Fault:
    """Return a connection that is accepted and never answered."""
    return Fault(hang=True)


def disconnect() -> Fault:
    """Return a connection that is closed without an answer."""
    return Fault(disconnect=True)


def drip(part: str) -> Fault:
    """Return an answer whose "head" or "body" comes byte by byte, and never wholly."""
    return Fault(drip=part)


def huge(size: int) -> Fault:
    """Return a good JSON document of `size` bytes and more."""
    return Fault(200, body=b'{"authorizationData": "' + b"a" * size + b'"}')
