"""What goes wrong between us and AWS, as errors that the engine can act on.

Only AWS's error code and its operation's name go into a message: its own texts,
the output of a credential_process and the answers of metadata services may hold
keys. For the same reason botocore's error is never chained to the result.

Codes: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (Errors).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from refresher.errors import ClockError, PermanentError, RefresherError, RetryableError
from refresher.model.schedule import SKEW_LIMIT, seconds_between
from refresher.providers.aws import local_errors
from refresher.providers.aws.options import Identity

STALE: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
    }
)
"""Codes that keys get which were replaced while we held them: read them again, once."""

_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2Throttled",
        "LimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttled",
        "Throttling",
        "TooManyRequests",
        "TransactionInProgress",
    }
)
"""Codes that mean "later", as botocore's own retries know them, less an ending `Exception`."""

_SERVER_FAULTS: Final = frozenset(
    {
        "IDPCommunicationError",
        "InternalError",
        "InternalFailure",
        "InternalServer",
        "InternalServerError",
        "RequestTimeout",
        "Server",
        "ServiceUnavailable",
    }
)
"""As above."""

_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_SIGNATURE: Final = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedException"})
_ENDED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
_HINTS: Final = (
    # The first that fits: a prefix of the operation, the codes (None: any), what to do.
    (
        "AssumeRoleWithWebIdentity",
        None,
        "check AWS_ROLE_ARN, the token in AWS_WEB_IDENTITY_TOKEN_FILE and the role's trust policy",
    ),
    (
        "AssumeRole",
        _DENIED,
        "let the role's trust policy name this identity; check role_arn and external_id",
    ),
    (
        "",
        _DENIED,
        'allow GetAuthorizationToken on "*", and for ECR Public sts:GetServiceBearerToken too',
    ),
    ("", _ENDED, "renew the AWS session; keys and profiles are read again at every attempt"),
    ("", STALE, "check that the access key exists and is active, and the region enabled"),
    ("", _SIGNATURE, "check the secret access key: it does not belong to the access key ID"),
    ("AssumeRole", None, "check role_arn, session_name and external_id"),
    ("", None, "look the code up in AWS's documentation of the operation"),
)
_PLAIN_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_NOT_AWS: Final = frozenset({*range(300, 400), 400, 408, 425})
"""Statuses that heal where no code of AWS's came along: captive portals, proxies, front ends."""

_BARE_THROTTLING: Final = "Rate exceeded"
"""The text that AWS's front ends send without any code, with status 400."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an error happened: what was asked for, as whom, and how late it is.

    `answered_at` is AWS's clock at its last answer, if it gave one. `settling`
    tells that sources of keys may still be coming up.
    """

    subject: str
    identity: Identity
    now: datetime
    answered_at: datetime | None = None
    settling: bool = False


def translate(error: Exception, scene: Scene) -> RefresherError:
    """Return the error of this package that `error` means.

    One that nobody foresaw becomes a `PermanentError` with the name of its class.
    """
    if isinstance(error, RefresherError):
        return error
    if isinstance(error, ClientError):
        return _refusal(error, scene)
    if isinstance(error, RuntimeError) and "expired" in str(error):
        return _ended_keys(scene)
    return local_errors.translate(error, scene.subject, scene.identity, settling=scene.settling)


def is_stale(error: Exception) -> bool:
    """Tell whether keys that are read again may help."""
    return isinstance(error, ClientError) and _code(error) in STALE


def answer_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the `Date` of an answer (RFC 9110, section 6.6.1), None where there is none."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _refusal(error: ClientError, scene: Scene) -> RefresherError:
    code, status = _code(error), _status(error)
    plain = _PLAIN_CODE.fullmatch(code) is not None
    shown = code if plain else f"HTTP {status}"
    what = f"{scene.subject}: {error.operation_name}"
    if error.operation_name == "AssumeRole" and scene.identity.role_arn:
        what += f" of {scene.identity.role_arn}"
    wait = _retry_after(error, scene.now)
    if _is_throttled(error):
        return RetryableError(f"{what} was throttled ({shown})", retry_after=wait)
    if code.removesuffix("Exception") in _SERVER_FAULTS or status >= _SERVER_ERROR:
        return RetryableError(f"{what} failed at AWS ({shown})", retry_after=wait)
    if not plain and status in _NOT_AWS:
        what += f" got no answer of AWS's ({shown})"
        return RetryableError(what, hint=_hint(code, error.operation_name), retry_after=wait)
    what += f" was refused ({shown})"
    return _clock_fault(error, what, scene.now) or PermanentError(
        what, hint=_hint(code, error.operation_name)
    )


def _is_throttled(error: ClientError) -> bool:
    code = _code(error)
    if code.removesuffix("Exception") in _THROTTLED or _status(error) == _TOO_MANY_REQUESTS:
        return True
    return not _PLAIN_CODE.fullmatch(code) and _text(error).strip().startswith(_BARE_THROTTLING)


def _ended_keys(scene: Scene) -> RefresherError:
    # botocore's RefreshableCredentials compares the end of new keys with the clock of this host.
    what = f"{scene.subject}: the AWS keys had ended when they came"
    if scene.answered_at is not None:
        skew = seconds_between(scene.now, scene.answered_at)
        if abs(skew) > SKEW_LIMIT:
            return _clock_error(what, skew)
    return RetryableError(what, hint="check the source of the keys and the clock of this host")


def _clock_fault(error: ClientError, what: str, now: datetime) -> ClockError | None:
    code = _code(error)
    if code not in _CLOCK | _SIGNATURE:
        return None
    answered = answer_time(_headers(error))
    if answered is None:
        # Only AWS's text tells a wrong clock from a wrong key then.
        said = code in _CLOCK or re.search(r"expired|not yet current", _text(error))
        return _clock_error(what, None) if said else None
    skew = seconds_between(now, answered)
    return _clock_error(what, skew) if code in _CLOCK or abs(skew) > SKEW_LIMIT else None


def _clock_error(what: str, skew: float | None) -> ClockError:
    if skew is None:
        how = "the clock of this host is wrong"
    elif abs(skew) <= SKEW_LIMIT:
        how = "AWS found the time wrong, yet the clock of this host agrees with its answer's"
    else:
        how = f"the clock of this host is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'}"
        how += " AWS's"
    return ClockError(
        f"{what}: {how}", hint="set the clock of this host, for example by NTP", skew=skew
    )


def _hint(code: str, operation: str) -> str:
    if not _PLAIN_CODE.fullmatch(code):
        return "check what answers in AWS's place: AWS_ENDPOINT_URL settings, proxies, the region"
    return next(
        text
        for operations, codes, text in _HINTS
        if operation.startswith(operations) and (codes is None or code in codes)
    )


def _retry_after(error: ClientError, now: datetime) -> float | None:
    # RFC 9110, section 10.2.3: seconds or a date.
    text = _headers(error).get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    moment = answer_time({"date": text})
    return None if moment is None else max(seconds_between(now, moment), 0.0)


def _code(error: ClientError) -> str:
    return str(_part(error, "Error").get("Code", ""))


def _text(error: ClientError) -> str:
    return str(_part(error, "Error").get("Message", ""))


def _status(error: ClientError) -> int:
    status = _part(error, "ResponseMetadata").get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def _headers(error: ClientError) -> Mapping[str, str]:
    headers: Mapping[str, str] = _part(error, "ResponseMetadata").get("HTTPHeaders") or {}
    return headers


def _part(error: ClientError, name: str) -> Mapping[str, Any]:
    response: Mapping[str, Any] = error.response
    part: Mapping[str, Any] = response.get(name) or {}
    return part
