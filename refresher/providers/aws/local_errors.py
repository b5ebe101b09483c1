"""Errors of botocore that are no refusal by AWS: the network, TLS, the files, the identity."""

import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.util.ssl_match_hostname import CertificateError

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.providers.aws.options import Identity

_LOGIN: Final = (boto.SSOError, boto.TokenRetrievalError, boto.NoAuthTokenError, boto.LoginError)
_IDENTITY_SOURCES: Final = (boto.CredentialRetrievalError, boto.MetadataRetrievalError)
_NETWORK: Final = (boto.HTTPClientError, boto.ConnectionError)
_TIMEOUTS: Final = (boto.ConnectTimeoutError, boto.ReadTimeoutError)
_CLOSED: Final = (boto.ConnectionClosedError, boto.ResponseStreamingError, boto.IncompleteReadError)
_UNREACHED: Final = (boto.EndpointConnectionError, boto.ProxyConnectionError)
_PROFILE: Final = "check the setting profile, and ~/.aws or the files that AWS_* variables name"
_SETTINGS: Final = (
    (boto.ProfileNotFound, "the profile {profile} is in no AWS configuration file", _PROFILE),
    (
        boto.PartialCredentialsError,
        "the AWS keys are incomplete: {cred_var} is missing",
        "give both halves of the key, in the AWS_* variables or in the profile",
    ),
    (
        boto.NoRegionError,
        "no AWS region is known",
        "set region, or AWS_REGION, or a region in the profile; or name hosts in registries",
    ),
    (
        boto.InvalidDefaultsMode,
        "the defaults mode of AWS's SDKs is unknown",
        "check AWS_DEFAULTS_MODE, or defaults_mode of the profile",
    ),
    (
        boto.InvalidSTSRegionalEndpointsConfigError,
        "the choice of STS endpoints is unknown",
        "set AWS_STS_REGIONAL_ENDPOINTS to regional or legacy, or leave it out",
    ),
    (
        (boto.InvalidRetryConfigurationError, boto.InvalidIMDSEndpointModeError),
        "a setting of AWS's SDKs is malformed",
        "check the AWS_* variables and the profile: retries, metadata service",
    ),
    (
        boto.InvalidIMDSEndpointError,
        "the endpoint of the metadata service is no URL",
        "check AWS_EC2_METADATA_SERVICE_ENDPOINT",
    ),
    (boto.InvalidRegionError, "the AWS region is malformed", "check the setting region"),
    (boto.ConfigParseError, "the AWS configuration file {path} is malformed", _PROFILE),
    (boto.ConfigNotFound, "the AWS configuration file {path} can't be read", _PROFILE),
    (boto.InvalidConfigError, "the AWS configuration contradicts itself", _PROFILE),
    (boto.RefreshWithMFAUnsupportedError, "the AWS profile asks for an MFA code", _PROFILE),
    (
        boto.ParamValidationError,
        "a value for AWS is malformed",
        "check role_arn and session_name, and the web identity token",
    ),
)
_NOT_AWS: Final = (ResponseParserError, LookupError)
"""No XML, no JSON, or without what an answer (or a file that is being written) has to hold."""

_UNREADABLE: Final = (
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
_MALFORMED: Final = (
    # How the text of a ValueError begins, what it means, what to do.
    (
        "Invalid endpoint",
        "an AWS endpoint is no URL",
        "check AWS_ENDPOINT_URL, its variants and the endpoint_url of the profile",
    ),
    (
        "Auth token value",
        "the token for the agent that hands out keys has a line break",
        "check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ),
    (
        "Unsupported host",
        "keys may not be asked for over plain HTTP from the host that is named",
        "check AWS_CONTAINER_CREDENTIALS_FULL_URI: https, a loopback address, or ECS's or EKS's",
    ),
    (
        "invalid literal for int",
        "a number in the AWS settings is none",
        "check AWS_METADATA_SERVICE_TIMEOUT and AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    ),
)

# OpenSSL's X509_V_ERR_ codes, x509_vfy.h.
_CERTIFICATE_FAULTS: Final = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed and not trusted",
    19: "ends in an authority that is not trusted",
    20: "is signed by an authority that is not trusted",
    21: "is signed by an authority that is not trusted",
    62: "is for another name",
    64: "is for another name",
}


def translate(
    error: Exception, subject: str, identity: Identity, *, settling: bool
) -> RefresherError:
    """Return what `error` means, a `PermanentError` with its class name if nobody foresaw it."""
    if isinstance(error, _LOGIN):
        return _ended_login(error, subject, identity)
    if isinstance(error, boto.NoCredentialsError):
        return _no_identity(subject, settling=settling)
    if isinstance(error, _CLOSED):
        return RetryableError(f"{subject}: the connection was closed before an answer was complete")
    if isinstance(error, _NETWORK):
        return _network(error, subject)
    if isinstance(error, _IDENTITY_SOURCES):
        source = error.kwargs.get("provider", "a metadata service")
        return RetryableError(
            f"{subject}: no AWS keys came from {source}",
            hint="check the credential_process of the profile, or the metadata service's agent",
        )
    return _settings(error, subject) or _unreadable(error, subject)


def _no_identity(subject: str, *, settling: bool) -> RefresherError:
    message = f"{subject}: no AWS keys were found"
    hint = (
        "set AWS_PROFILE or the setting profile (`aws sso login` first, where it needs one), give "
        "the process AWS_* variables, or run it where a role is attached"
    )
    return (RetryableError if settling else PermanentError)(message, hint=hint)


def _ended_login(error: Exception, subject: str, identity: Identity) -> RefresherError:
    command = "aws login" if isinstance(error, boto.LoginError) else "aws sso login"
    if identity.profile:
        command += f" --profile {identity.profile}"
    return PermanentError(
        f"{subject}: the AWS login has ended ({type(error).__name__})",
        hint=f"run `{command}` as the user of this process",
    )


def _network(error: boto.BotoCoreError, subject: str) -> RefresherError:
    host = urlsplit(str(error.kwargs.get("endpoint_url", ""))).hostname or "an AWS endpoint"
    fault = next(filter(None, map(_certificate_fault, _causes(error))), None)
    if fault is not None:
        return PermanentError(
            f"{subject}: the TLS certificate of {host} {fault}",
            hint="set ca_file or AWS_CA_BUNDLE to the authorities of your network; check the clock",
        )
    if isinstance(error, _TIMEOUTS):
        return RetryableError(f"{subject}: {host} did not answer in time")
    if not isinstance(error, _UNREACHED) and any(map(_is_about_trust, _causes(error))):
        return PermanentError(
            f"{subject}: the file of certificate authorities can't be used",
            hint="check ca_file, AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE",
        )
    return RetryableError(
        f"{subject}: {host} can't be reached ({type(error).__name__})",
        hint="check the region, the name service, the proxy settings and the network",
    )


def _certificate_fault(cause: BaseException) -> str | None:
    if isinstance(cause, CertificateError):
        return "is for another name"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _CERTIFICATE_FAULTS.get(cause.verify_code, "can't be verified")
    return None


def _is_about_trust(cause: BaseException) -> bool:
    if isinstance(cause, ssl.SSLError):
        return getattr(cause, "library", None) in {"X509", "PEM"}
    return isinstance(cause, FileNotFoundError | IsADirectoryError | PermissionError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    # urllib3 and botocore keep causes in three ways: chained, as arguments, as `error`.
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, *cause.args, getattr(cause, "reason", None)]
        waiting.append(getattr(cause, "kwargs", {}).get("error"))


def _settings(error: Exception, subject: str) -> RefresherError | None:
    for kind, text, hint in _SETTINGS:
        if isinstance(error, kind):
            said = text.format_map(_Known(error.kwargs))
            return PermanentError(f"{subject}: {said}", hint=hint)
    return None


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _unreadable(error: Exception, subject: str) -> RefresherError:
    name = type(error).__name__
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return PermanentError(
            f"{subject}: a file of the AWS identity can't be used:{where} {error.strerror}",
            hint="check the files that the profile and the AWS_* variables name",
        )
    if isinstance(error, ValueError):
        for start, text, hint in _MALFORMED:
            if str(error).startswith(start):
                return PermanentError(f"{subject}: {text}", hint=hint)
    if isinstance(error, _NOT_AWS):
        return RetryableError(
            f"{subject}: an answer is incomplete, or is not AWS's ({name})",
            hint="check what answers in AWS's place: proxies, endpoints; and the SSO login's cache",
        )
    if isinstance(error, _UNREADABLE):
        return PermanentError(
            f"{subject}: an answer can't be read ({name})",
            hint="check what answers in AWS's place: proxies, endpoints, the credential_process",
        )
    return PermanentError(f"{subject}: failed in an unexpected way ({name})")
