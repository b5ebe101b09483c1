"""What GetAuthorizationToken answers, and whether it can be used. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.credential import UNKNOWN, Expiry, Secret

LONGEST_LIFE: Final = timedelta(days=7)
"""ECR's tokens live for 12 hours. An end further away than this is an error of the answer."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart. `endpoint` is the registry that the answer names, or empty."""

    username: str
    secret: Secret
    expires_at: Expiry
    endpoint: str = ""


def read(authorization_data: Any, subject: str, now: datetime) -> Token:
    """Return the token in `authorizationData`: a list in ECR, an object in ECR Public.

    `now` is the issuer's clock where its answer tells it. Raises `PermanentError`
    for an answer without a token that could be used at `now`.
    """
    data = _first(authorization_data)
    text = data.get("authorizationToken")
    if not isinstance(text, str) or not text:
        raise PermanentError(
            f"{subject} answered without an authorization token",
            hint="check that the endpoint is AWS's: AWS_ENDPOINT_URL settings, proxies",
        )
    username, secret = decode(text, subject)
    expires_at = _usable_end(data.get("expiresAt"), subject, now)
    return Token(username, secret, expires_at, str(data.get("proxyEndpoint") or ""))


def decode(token: str, subject: str) -> tuple[str, Secret]:
    """Return the user name and the secret in a token: base64 of both, around the first colon.

    Raises `PermanentError` for anything else, without repeating any of it.
    """
    text = _text(token)
    if text is None:
        raise PermanentError(f"{subject} answered with a token that is no base64 of UTF-8 text")
    username, colon, password = text.partition(":")
    if not colon or not username or not password:
        raise PermanentError(f"{subject} answered with a token that is no user:password")
    return username, Secret(password)


def _text(token: str) -> str | None:
    # The error of a failed decoding holds the token: none may hang on ours.
    try:
        return base64.b64decode(token.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _first(authorization_data: Any) -> Mapping[str, Any]:
    # Without registryIds the list has exactly one entry; more would be the same token again.
    if isinstance(authorization_data, Sequence) and not isinstance(authorization_data, str):
        authorization_data = authorization_data[0] if authorization_data else None
    return authorization_data if isinstance(authorization_data, Mapping) else {}


def _usable_end(end: Any, subject: str, now: datetime) -> Expiry:
    if not isinstance(end, datetime):
        return UNKNOWN
    moment = _in_utc(end)
    if moment is None:
        raise PermanentError(
            f"{subject} answered with a token that ends at {end:%Y-%m-%d}, beyond the calendar",
            hint="ECR's tokens live for 12 hours: check the endpoint that answers",
        )
    if moment <= now:
        raise PermanentError(
            f"{subject} answered with a token that ended at {moment:%Y-%m-%d %H:%M:%S} UTC",
            hint="a token that is new should live for 12 hours: check the endpoint that answers",
        )
    if moment - now > LONGEST_LIFE:
        raise PermanentError(
            f"{subject} answered with a token that ends at {moment:%Y-%m-%d %H:%M:%S} UTC",
            hint="ECR's tokens live for 12 hours: check the endpoint that answers, and this clock",
        )
    return moment


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
