"""Faults between us and AWS: the kind of each, and that no text of others is repeated."""

import re
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import botocore.exceptions as boto
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.retries import standard
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import ClockError, PermanentError, RefresherError, RetryableError
from refresher.providers.aws.errors import Scene, answer_time, is_stale, translate
from refresher.providers.aws.options import Identity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::222222222222:role/puller"
CANARY = "canary-secret"


def refusal(
    code: str,
    status: int = 400,
    *,
    message: str = CANARY,
    operation: str = "GetAuthorizationToken",
    **headers: str,
) -> ClientError:
    """Return a refusal by AWS as botocore raises it."""
    meta = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}
    return ClientError(response, operation)


def scene(**changes: Any) -> Scene:
    """Return a scene in Oregon."""
    values = {"subject": "ECR in us-west-2", "identity": Identity(), "now": NOW, **changes}
    return Scene(**values)


def dated(offset: float) -> dict[str, Any]:
    """Return the header of an answer that was given `offset` seconds from now."""
    return {"date": format_datetime(NOW + timedelta(seconds=offset), usegmt=True)}


def junk_ca() -> Exception:
    """Return what botocore raises for a CA file without certificates."""
    try:
        ssl.create_default_context().load_verify_locations(cafile=__file__)
    except ssl.SSLError as error:
        return boto.SSLError(endpoint_url="https://h/", error=error)
    raise AssertionError


_Botocores: Any = standard.ThrottledRetryableChecker
BOTOCORES_THROTTLING: list[str] = _Botocores._THROTTLED_ERROR_CODES

RETRYABLE = {
    "throttling with status 400": refusal("ThrottlingException", 400),
    "throttling of STS": refusal("Throttling", 400, operation="AssumeRole"),
    "bare 429": refusal("429", 429),
    "request limit": refusal("RequestLimitExceeded", 503),
    "server exception": refusal("ServerException", 500),
    "server exception with an odd status": refusal("ServerException", 400),
    "bare 502": refusal("502", 502),
    "unavailable": refusal("ServiceUnavailable", 503),
    "identity provider of STS": refusal("IDPCommunicationError", 400),
    "no route": boto.EndpointConnectionError(endpoint_url="https://api.ecr.example/", error="x"),
    "connect timeout": boto.ConnectTimeoutError(endpoint_url="https://u:p@h/", error="x"),
    "read timeout": boto.ReadTimeoutError(endpoint_url="https://api.ecr.example/", error="x"),
    "closed": boto.ConnectionClosedError(endpoint_url="https://api.ecr.example/"),
    "cut short": boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    "stream": boto.ResponseStreamingError(error=CANARY),
    "proxy": boto.ProxyConnectionError(proxy_url=f"http://u:{CANARY}@proxy/", error="x"),
    "unknown of the client": boto.HTTPClientError(error=CANARY),
    "credential_process failed": boto.CredentialRetrievalError(
        provider="custom-process", error_msg=CANARY
    ),
    "metadata": boto.MetadataRetrievalError(error_msg=CANARY),
    "not AWS's answer": ResponseParserError(CANARY),
    "key missing in an answer": KeyError(CANARY),
    "bare throttling": refusal("400", 400, message="Rate exceeded"),
    "bare throttling with another status": refusal("403", 403, message="Rate exceeded"),
    "bare 400": refusal("400", 400),
    "bare 408": refusal("408", 408),
    "bare 425": refusal("425", 425),
    **{f"bare {status}": refusal(str(status), status) for status in (301, 302, 303, 307, 308)},
    **{f"code {code}": refusal(code, 400) for code in BOTOCORES_THROTTLING},
    "a spelling that botocore does not know": refusal("ProvisionedThroughputExceeded", 400),
    "ended keys": RuntimeError("Credentials were refreshed, but they are still expired."),
    "TLS broke off": boto.SSLError(endpoint_url="https://h/", error=ssl.SSLEOFError(8, "EOF")),
}
PERMANENT = {
    "denied": refusal("AccessDeniedException"),
    "denied by STS": refusal("AccessDenied", 403, operation="AssumeRole"),
    "unknown key": refusal("UnrecognizedClientException"),
    "unknown key at STS": refusal("InvalidClientTokenId", 403),
    "ended session": refusal("ExpiredTokenException"),
    "wrong secret": refusal("InvalidSignatureException", 403, **dated(29)),
    "wrong secret at STS": refusal("SignatureDoesNotMatch", 403, **dated(-29)),
    "invalid parameter": refusal("InvalidParameterException"),
    "validation by STS": refusal("ValidationError", operation="AssumeRole"),
    "opted out": refusal("OptInRequired", 403),
    "not found": refusal("404", 404),
    "no such profile": boto.ProfileNotFound(profile="prod"),
    "half a key": boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
    "no region": boto.NoRegionError(),
    "bad region": boto.InvalidRegionError(region_name="x y"),
    "bad file": boto.ConfigParseError(path="/root/.aws/config", error=CANARY),
    "contradiction": boto.InvalidConfigError(error_msg=CANARY),
    "loop of profiles": boto.InfiniteLoopConfigError(
        source_profile="a", visited_profiles=["a", "b"]
    ),
    "bad parameter": boto.ParamValidationError(report=CANARY),
    "MFA": boto.RefreshWithMFAUnsupportedError(),
    "SSO": boto.UnauthorizedSSOTokenError(),
    "SSO file": boto.SSOTokenLoadError(error_msg=CANARY),
    "SSO token": boto.TokenRetrievalError(provider="sso", error_msg=CANARY),
    "login": boto.LoginRefreshRequired(),
    "not JSON": ValueError(CANARY),
    "no URL": ValueError(f"Invalid endpoint: {CANARY}"),
    "defaults mode": boto.InvalidDefaultsMode(mode=CANARY, valid_modes=["standard"]),
    "STS endpoints": boto.InvalidSTSRegionalEndpointsConfigError(
        sts_regional_endpoints_config=CANARY
    ),
    "retry mode": boto.InvalidRetryModeError(provided_retry_mode=CANARY, valid_modes=["legacy"]),
    "metadata endpoint": boto.InvalidIMDSEndpointError(endpoint=CANARY),
    "no number": ValueError(f"invalid literal for int() with base 10: {CANARY!r}"),
    "line break in a token": ValueError("Auth token value is not a legal header value"),
    "host for keys": ValueError(f"Unsupported host '{CANARY}'. Can only retrieve metadata"),
    "bare 403": refusal("403", 403),
    "bare 407": refusal("407", 407),
    "token file missing": FileNotFoundError(2, "No such file or directory", "/var/run/token"),
    "unforeseen of botocore": boto.MissingDependencyException(msg=CANARY),
    "unforeseen": BufferError(CANARY),
    "CA file missing": boto.HTTPClientError(error=FileNotFoundError(2, "No such file")),
    "CA file is junk": junk_ca(),
}
CLOCK = {
    "hours behind": refusal("InvalidSignatureException", 403, **dated(61_200)),
    "hours ahead": refusal("InvalidSignatureException", 403, **dated(-61_200)),
    "STS": refusal("SignatureDoesNotMatch", 403, **dated(3_600)),
    "said by the code": refusal("RequestTimeTooSkewed", 403),
    "said by STS": refusal("RequestExpired", 400),
    "said by the text": refusal(
        "InvalidSignatureException", 403, message="Signature expired: 2026 is now earlier than"
    ),
    "said by the text, ahead": refusal(
        "InvalidSignatureException", 403, message="Signature not yet current: 2027"
    ),
}


@pytest.mark.parametrize("error", RETRYABLE.values(), ids=RETRYABLE.keys())
def test_what_time_heals_is_retryable(error: Exception) -> None:
    """Throttling, server errors, networks and sources of keys that are not up yet."""
    assert type(translate(error, scene())) is RetryableError


@pytest.mark.parametrize("error", PERMANENT.values(), ids=PERMANENT.keys())
def test_what_somebody_must_repair_is_permanent(error: Exception) -> None:
    """Denials, settings, files, ended logins and answers that are none."""
    assert type(translate(error, scene())) is PermanentError


@pytest.mark.parametrize("error", CLOCK.values(), ids=CLOCK.keys())
def test_a_wrong_clock_is_called_a_wrong_clock(error: Exception) -> None:
    """A skewed clock is not taken for a wrong key."""
    translated = translate(error, scene())
    assert type(translated) is ClockError
    assert "clock of this host" in str(translated)
    assert "NTP" in translated.hint


EVERY = {**RETRYABLE, **PERMANENT, **CLOCK}


@pytest.mark.parametrize("error", EVERY.values(), ids=EVERY.keys())
def test_no_text_of_others_is_repeated(error: Exception) -> None:
    """Messages name the subject; what servers, processes and files said stays out."""
    translated = translate(error, scene())
    shown = f"{translated} {translated.hint} {translated!r}"
    assert CANARY not in shown
    assert "ECR in us-west-2" in str(translated)


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        pytest.param(61_200, "61200 s behind", id="behind"),
        pytest.param(-61_200, "61200 s ahead of", id="ahead"),
        pytest.param(31, "31 s behind", id="just over the limit"),
    ],
)
def test_the_skew_is_measured_by_the_date_header(offset: float, words: str) -> None:
    """The message says how far and in which direction the clock is off."""
    error = refusal("InvalidSignatureException", 403, **dated(offset))
    translated = translate(error, scene())
    assert isinstance(translated, ClockError)
    assert translated.skew == offset
    assert words in str(translated)


@pytest.mark.parametrize("offset", [-29.0, -0.4, 0.0, 0.4, 29.0])
@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "RequestExpired"])
def test_clocks_that_agree_are_not_called_apart(code: str, offset: float) -> None:
    """Where AWS complains of the time and the clocks agree, no seconds are claimed."""
    error = refusal(code, 403, **dated(round(offset)))
    translated = translate(error, scene())
    assert isinstance(translated, ClockError)
    assert "agrees" in str(translated)
    assert not re.search(r"\d s ", str(translated))


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Sun, 99 Mar 2026 12:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1400",
        "Sun, 01 Mar 2026 12:00:00 +9999",
    ],
)
def test_a_date_that_is_none_measures_nothing(date: str) -> None:
    """Without a usable Date header the skew is unknown."""
    translated = translate(refusal("RequestTimeTooSkewed", 403, date=date), scene())
    assert isinstance(translated, ClockError)
    assert translated.skew is None


def test_ended_keys_with_a_wrong_clock_are_a_clock_error() -> None:
    """Keys that end before they arrive, and a Date that is hours away, mean the clock."""
    error = RuntimeError("Credentials were refreshed, but they are still expired.")
    translated = translate(error, scene(answered_at=NOW - timedelta(hours=17)))
    assert isinstance(translated, ClockError)
    assert translated.skew == -61_200


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param("Sun, 01 Mar 2026 12:00:30 GMT", 30.0, id="date"),
        pytest.param("Sun, 01 Mar 2026 11:00:00 GMT", 0.0, id="date that is over"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="text"),
        pytest.param("\N{SUPERSCRIPT TWO}", None, id="a digit that is none"),
        pytest.param("", None, id="empty"),
    ],
)
@pytest.mark.parametrize("status", [400, 503])
def test_the_wait_that_aws_asks_for_is_kept(
    header: str, seconds: float | None, status: int
) -> None:
    """Retry-After comes as seconds or as a date, or not at all."""
    headers: dict[str, Any] = {"retry-after": header}
    error = refusal("ThrottlingException", status, **headers)
    translated = translate(error, scene())
    assert isinstance(translated, RetryableError)
    assert translated.retry_after == seconds


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(refusal("AccessDeniedException"), "GetAuthorizationToken", id="permission"),
        pytest.param(
            refusal("AccessDenied", operation="AssumeRole"), "trust policy", id="trust policy"
        ),
        pytest.param(refusal("ValidationError", operation="AssumeRole"), "role_arn", id="role"),
        pytest.param(refusal("OptInRequired", 403), "documentation", id="any other code"),
        pytest.param(
            refusal("InvalidIdentityToken", operation="AssumeRoleWithWebIdentity"),
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            id="web identity",
        ),
        pytest.param(refusal("ExpiredToken"), "renew the AWS session", id="ended"),
        pytest.param(refusal("UnrecognizedClientException"), "active", id="unknown key"),
        pytest.param(refusal("InvalidSignatureException", **dated(0)), "secret access key"),
        pytest.param(refusal("403", 403), "AWS_ENDPOINT_URL", id="not AWS"),
        pytest.param(boto.ProfileNotFound(profile="prod"), "setting profile", id="profile"),
        pytest.param(boto.NoCredentialsError(), "aws sso login", id="no keys"),
        pytest.param(boto.InvalidDefaultsMode(mode="x", valid_modes=[]), "AWS_DEFAULTS_MODE"),
        pytest.param(
            boto.InvalidSTSRegionalEndpointsConfigError(sts_regional_endpoints_config="x"),
            "AWS_STS_REGIONAL_ENDPOINTS",
        ),
        pytest.param(ValueError("invalid literal for int()"), "AWS_METADATA_SERVICE_TIMEOUT"),
        pytest.param(ValueError("Auth token value is not"), "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        pytest.param(ValueError("Unsupported host 'x'"), "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        pytest.param(boto.NoRegionError(), "set region", id="region"),
        pytest.param(boto.UnauthorizedSSOTokenError(), "aws sso login --profile prod", id="SSO"),
        pytest.param(boto.LoginRefreshRequired(), "aws login --profile prod", id="login"),
        pytest.param(boto.HTTPClientError(error=FileNotFoundError()), "AWS_CA_BUNDLE", id="CA"),
    ],
)
def test_the_hint_says_what_to_do(error: Exception, words: str) -> None:
    """Each fault that a person can repair says where."""
    identity = Identity(profile="prod", role_arn=ROLE)
    assert words in translate(error, scene(identity=identity)).hint


def test_a_refused_role_is_named() -> None:
    """The role that could not be assumed is in the message."""
    error = refusal("AccessDenied", 403, operation="AssumeRole")
    assert ROLE in str(translate(error, scene(identity=Identity(role_arn=ROLE))))
    assert "AssumeRole was refused" in str(translate(error, scene()))


@pytest.mark.parametrize("settling", [True, False])
def test_missing_keys_heal_while_sources_come_up(*, settling: bool) -> None:
    """No keys at all are retryable at first, permanent later."""
    translated = translate(boto.NoCredentialsError(), scene(settling=settling))
    assert type(translated) is (RetryableError if settling else PermanentError)


def test_our_own_errors_pass() -> None:
    """An error of this package is not changed."""
    ours = PermanentError("ours")
    assert translate(ours, scene()) is ours


@pytest.mark.parametrize(
    ("error", "stale"),
    [
        pytest.param(refusal("ExpiredToken"), True, id="ExpiredToken"),
        pytest.param(refusal("ExpiredTokenException"), True, id="ExpiredTokenException"),
        pytest.param(refusal("UnrecognizedClientException"), True, id="UnrecognizedClient"),
        pytest.param(refusal("InvalidClientTokenId"), True, id="InvalidClientTokenId"),
        pytest.param(refusal("AccessDeniedException"), False, id="denied"),
        pytest.param(refusal("ThrottlingException"), False, id="throttled"),
        pytest.param(boto.NoCredentialsError(), False, id="no keys"),
        pytest.param(ValueError(), False, id="unforeseen"),
    ],
)
def test_only_replaced_keys_are_worth_a_second_look(error: Exception, *, stale: bool) -> None:
    """Keys are read again when AWS calls them ended or unknown."""
    assert is_stale(error) is stale


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_code_gives_a_message_of_one_line(code: str) -> None:
    """Codes that are no code are replaced by the status."""
    translated = translate(refusal(code, 418), scene())
    assert re.search(r"\((HTTP 418|[A-Za-z][A-Za-z0-9._-]*)\)", str(translated))
    assert "\n" not in str(translated)


@pytest.mark.parametrize("response", [{}, {"Error": {"Code": None}}], ids=str)
def test_refusals_without_parts_are_still_refusals(response: Any) -> None:
    """An error document of any shape is translated."""
    assert isinstance(translate(ClientError(response, "X"), scene()), RefresherError)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_date_is_a_time_or_none(text: str) -> None:
    """A Date header never breaks the answer that it came with."""
    moment = answer_time({"date": text})
    assert moment is None or moment.tzinfo is UTC


def test_a_date_without_a_zone_is_utc() -> None:
    """RFC 5322's -0000 means UTC of an unknown place."""
    assert answer_time({"date": "Sun, 01 Mar 2026 12:00:00 -0000"}) == NOW


CERTIFICATE_FAULTS = [
    pytest.param(10, "has expired", id="expired"),
    pytest.param(62, "another name", id="wrong name"),
    pytest.param(19, "not trusted", id="private CA"),
    pytest.param(18, "self-signed", id="self-signed"),
    pytest.param(9999, "can't be verified", id="any other"),
]


@pytest.mark.parametrize(("code", "words"), CERTIFICATE_FAULTS)
def test_certificate_faults_are_kept_apart(code: int, words: str) -> None:
    """An expired certificate, a wrong name and an unknown authority each say so."""
    cause = ssl.SSLCertVerificationError(1, "x")
    cause.verify_code = code
    error = boto.SSLError(endpoint_url="https://api.ecr.example/", error=cause)
    translated = translate(error, scene())
    assert isinstance(translated, PermanentError)
    assert words in str(translated)
    assert "api.ecr.example" in str(translated)
    assert "ca_file" in translated.hint


def test_a_file_that_has_no_name_is_still_said() -> None:
    """A fault of a file that says too little is a fault of the identity's files."""
    assert "a file of the AWS identity" in str(translate(OSError(5, "I/O error"), scene()))
