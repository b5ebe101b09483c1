"""Why a server could not be asked at all: names, connections, certificates, time."""

import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Final, TypeVar

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.net.trust import CA_VARIABLES

_Error = TypeVar("_Error", bound=BaseException)

_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = (62, 64)


def unanswered(host: str, error: BaseException, setting: str = "ca_file") -> RefresherError:
    """Return the error that stands for a call, of requests or of `direct`, that got no answer.

    `setting` is what names certificate authorities, if anything does. Nothing of `error` is
    repeated: it may hold the request, or a proxy's password.
    """
    certificate = first(error, ssl.SSLCertVerificationError)
    if certificate is not None:
        return _certificate_fault(host, certificate.verify_code, setting)
    if isinstance(error, ValueError):
        return PermanentError(f"{host} can't be asked: its URL or a header is malformed")
    return _outage(host, error)


def first(error: BaseException, kind: type[_Error]) -> _Error | None:
    """Return the first error of a kind among `error` and all that it wraps."""
    return next((each for each in _chain(error) if isinstance(each, kind)), None)


def _outage(host: str, error: BaseException) -> RefresherError:
    # Whoever raised one of its errors has loaded it.
    requests = sys.modules.get("requests")
    if requests is not None and isinstance(error, requests.exceptions.ProxyError):
        return RetryableError(
            f"the proxy for {host} can't be reached or refuses",
            hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        )
    if isinstance(error, TimeoutError) or (requests and isinstance(error, requests.Timeout)):
        return RetryableError(f"{host} did not answer in time")
    lookup = first(error, socket.gaierror)
    if lookup is not None and lookup.errno == socket.EAI_AGAIN:
        return RetryableError(f"the name {host} can't be looked up now")
    if lookup is not None:
        return RetryableError(f"the name {host} is not known", hint="check the name, and DNS")
    return RetryableError(_broken(host, error))


def _broken(host: str, error: BaseException) -> str:
    if first(error, ssl.SSLError) is not None:
        return f"TLS with {host} can't be set up, or broke off"
    if first(error, ConnectionRefusedError) is not None:
        return f"{host} can't be reached: it refuses connections"
    return f"{host} can't be reached, or broke off"


def _certificate_fault(host: str, code: int, setting: str) -> RefresherError:
    if code == _EXPIRED:
        reason, hint = "has ended", "renew it there, or check the clock of this host"
    elif code == _NOT_YET_VALID:
        reason, hint = "is not valid yet", "check the clock of this host"
    elif code in _WRONG_NAME:
        reason, hint = "is for another name", "check the URL, and what stands between"
    else:
        reason = "is by an authority that is not known here"
        places = f"{setting}, or in one of" if setting else "one of"
        hint = f"name the authority's file in {places} {', '.join(CA_VARIABLES)}"
    return PermanentError(f"the certificate of {host} {reason}", hint=hint)


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
