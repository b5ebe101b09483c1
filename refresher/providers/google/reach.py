"""Why a Google server could not be asked at all: names, connections, certificates, time."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.providers.google.adc import NO_IDENTITY
from refresher.providers.secretfile import about, refuse_content

METADATA_HOST: Final = "metadata.google.internal"
CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that may name a file of certificate authorities, the strongest first."""

_Error = TypeVar("_Error", bound=BaseException)

_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = (62, 64)


def refuse_bad_authorities(path: str, setting: str) -> None:
    """Raise `PermanentError` unless `path` is a file (or a directory) of certificate authorities.

    requests would find out late, and call it a failed connection. `setting` names the path.
    """
    refuse_content(path, setting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ValueError):
        raise PermanentError(
            about(Path(path), setting, "holds no certificate authorities that can be read"),
            hint=f"check {setting}: it must name a PEM file, or a directory of them",
        ) from None


def unanswered(host: str, error: BaseException) -> RefresherError:
    """Return the error that stands for a call that got no answer.

    Nothing of `error` is repeated: it may hold the request, or a proxy's password.
    """
    chain = list(_chain(error))
    certificate = _first(chain, ssl.SSLCertVerificationError)
    if certificate is not None:
        return _certificate_fault(host, certificate.verify_code)
    if isinstance(error, ValueError):
        return PermanentError(f"{host} can't be asked: its URL or a header is malformed")
    return _outage(host, error, chain)


def _outage(host: str, error: BaseException, chain: list[BaseException]) -> RefresherError:
    import requests  # noqa: PLC0415 - it is loaded by now: it raised the error

    hint = NO_IDENTITY if host == METADATA_HOST else ""
    if isinstance(error, requests.exceptions.ProxyError):
        return RetryableError(
            f"the proxy for {host} can't be reached or refuses",
            hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        )
    if isinstance(error, requests.Timeout):
        return RetryableError(f"{host} did not answer in time", hint=hint)
    lookup = _first(chain, socket.gaierror)
    if lookup is None:
        return RetryableError(f"{host} can't be reached, or broke off", hint=hint)
    if lookup.errno == socket.EAI_AGAIN:
        return RetryableError(f"the name {host} can't be looked up now", hint=hint)
    if host == METADATA_HOST:
        return PermanentError("no Google identity was found here", hint=NO_IDENTITY)
    return RetryableError(f"the name {host} is not known", hint="check the name, and DNS")


def _certificate_fault(host: str, code: int) -> RefresherError:
    if code == _EXPIRED:
        reason, hint = "has ended", "renew it there, or check the clock of this host"
    elif code == _NOT_YET_VALID:
        reason, hint = "is not valid yet", "check the clock of this host"
    elif code in _WRONG_NAME:
        reason, hint = "is for another name", "check the URL, and what stands between"
    else:
        reason = "is by an authority that is not known here"
        hint = f"name the authority's file in ca_file, or in one of {', '.join(CA_VARIABLES)}"
    return PermanentError(f"the certificate of {host} {reason}", hint=hint)


def _first(chain: list[BaseException], kind: type[_Error]) -> _Error | None:
    return next((error for error in chain if isinstance(error, kind)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that it wraps: requests and urllib3 wrap in four ways."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (
            current.__cause__,
            current.__context__,
            *current.args,
            getattr(current, "reason", None),
        )
        waiting.extend(item for item in inner if isinstance(item, BaseException))
