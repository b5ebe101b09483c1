"""What an answer that refuses means: whether time heals it, a new look, or a person.

The statuses and codes are those of Cattle (io.github.ibuildthecloud.gdapi.validation). Of
a body only words that are known here are told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.net import url
from refresher.net.retryafter import retry_after
from refresher.ports import Clock
from refresher.sinks.rancher.names import Names
from refresher.sinks.rancher.talk import Answer

LIMIT: Final = 4096
"""The most characters that a user name or a secret may have (Credential.java)."""

_MOVED: Final = frozenset({"ServerAddressUsed", "ActionNotAvailable", "InvalidReference"})
_CODES: Final = frozenset(
    {
        "InvalidAction",
        "InvalidBodyContent",
        "InvalidFormat",
        "InvalidOption",
        "MaxLengthExceeded",
        "MinLengthExceeded",
        "MissingRequired",
        "NotNullable",
    }
)
_FIELDS: Final = frozenset(
    {"description", "email", "name", "publicValue", "registryId", "secretValue", "serverAddress"}
)
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {"MaxLengthExceeded": f"Rancher keeps {LIMIT} characters at most"}
)
_LATER: Final = frozenset({408, 425, 429})
_WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        408: "gave up waiting for the request",
        429: "is asked too often",
        500: "has an internal error",
        502: "can't be reached by the proxy before it",
        503: "is not available now",
        504: "did not answer the proxy before it in time",
    }
)
_SCOPE: Final = (
    "make an Environment API Key in that environment, for keys of an account only read; a "
    "container needs the labels io.rancher.container.create_agent: true and "
    "io.rancher.container.agent.role: environment"
)
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        401: (
            "{host} does not take the keys",
            "check {keys}; the keys of a container end with it",
        ),
        403: (
            "{host}: the keys may not enter {where}",
            "use an Environment API Key of that environment, or correct {scope}; it must be active",
        ),
        405: ("{host}: the keys may read {where}, and change nothing there", _SCOPE),
        407: (
            "the proxy before {host} wants a login",
            "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        ),
    }
)


class MovedError(RetryableError):
    """What was seen is no longer so, or is in use: look again, and do what is right then."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What was asked: of which host, in which environment (`where`), about `what`."""

    host: str
    where: str
    what: str
    names: Names


def fault(scene: Scene, answer: Answer, clock: Clock) -> RefresherError:
    """Return the error that stands for an answer that is no good one."""
    status, code = answer.status, _word(answer, "code")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryableError(
            f"{scene.host} {_WORDS.get(status, 'failed')} (status {status})",
            retry_after=retry_after(answer.headers.get("Retry-After", ""), clock),
        )
    if status == HTTPStatus.CONFLICT or code in _MOVED:
        return MovedError(f"{scene.host}: {scene.what} in {scene.where} is in use by somebody else")
    if status == HTTPStatus.NOT_FOUND:
        return MovedError(f"{scene.host}: {scene.what} in {scene.where} is gone")
    if status in _REFUSALS:
        message, hint = _REFUSALS[status]
        names = scene.names
        return PermanentError(
            message.format(host=scene.host, where=scene.where),
            hint=hint.format(keys=names.keys, scope=names.scope),
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _redirected(scene, answer)
    return _rejected(scene, answer)


def unreadable(scene: Scene) -> RetryableError:
    """Return the error for a good answer that is not what was asked for."""
    return RetryableError(
        f"{scene.host} answers with something else than {scene.what} in Rancher's JSON",
        hint=f"if that stays so, something else answers at {scene.names.url}: a portal, a proxy",
    )


def _redirected(scene: Scene, answer: Answer) -> PermanentError:
    target = url.parse(answer.headers.get("Location", ""))
    place = f"{target.scheme}://{target.authority}" if target else "another place"
    return PermanentError(
        f"{scene.host} redirects to {place}, and the keys go nowhere else",
        hint=f"write that into {scene.names.url}, if it is right",
    )


def _rejected(scene: Scene, answer: Answer) -> PermanentError:
    code, field = _word(answer, "code"), _word(answer, "fieldName")
    told = [f"status {answer.status}"]
    told += [word for word, known in ((code, _CODES), (field, _FIELDS)) if word in known]
    return PermanentError(
        f"{scene.host} refuses {scene.what} in {scene.where} ({', '.join(told)})",
        hint=_ADVICE.get(code, ""),
    )


def _word(answer: Answer, name: str) -> str:
    value = (answer.document or {}).get(name)
    return value if isinstance(value, str) else ""
