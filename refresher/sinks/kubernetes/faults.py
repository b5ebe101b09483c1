"""What an answer that refuses means: whether time heals it, a new look, or a person.

A refusal is a document of the kind Status (k8s.io/apimachinery, pkg/api/errors/errors.go). Of its
text only names are told, of users, webhooks, quotas and fields: what else stands there may
repeat what was sent.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.net import url
from refresher.net.retryafter import retry_after
from refresher.sinks.kubernetes.rules import Rule
from refresher.sinks.kubernetes.talk import Answer, Talk

_LATER: Final = frozenset({408, 425, 429})
_WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        408: "gave up waiting for the request",
        429: "is asked too often",
        500: "has an internal error",
        502: "can't be reached by the proxy before it",
        503: "is not available now",
        504: "did not answer in time",
    }
)
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,252}"
_CANNOT: Final = " cannot "
_USER: Final = re.compile(rf'User "({_NAME})"{_CANNOT}')
_QUOTA: Final = re.compile(rf"exceeded quota: ({_NAME}),")
_NEW_QUOTA: Final = re.compile(rf"status unknown for quota: ({_NAME}),")
_ADMISSION: Final = " is forbidden: "
_DENIED: Final = re.compile(
    rf"admission webhook \"({_NAME})\" denied|ValidatingAdmissionPolicy '({_NAME})' .*denied"
)
_CALLED: Final = re.compile(rf'failed calling webhook "({_NAME})"')
_FIELD: Final = re.compile(r"[A-Za-z0-9.\[\]_-]{1,100}")
_ANONYMOUS: Final = "system:anonymous"
"""The user of whoever presents nobody."""

_TERMINATING: Final = "NamespaceTerminating"


class ConflictError(RetryableError):
    """What was seen is no longer so: look again, and do what is right then."""


class GoneError(RetryableError):
    """The object is not there."""


class NoNamespaceError(RetryableError):
    """The namespace is not there, or not for long."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What was asked: `verb` of a `resource`, in a namespace or, without one, in all of them."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""

    @property
    def what(self) -> str:
        """The object, for messages."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.resource} {self.name}{where}" if self.name else f"{self.resource}{where}"

    @property
    def rule(self) -> Rule:
        """The rule of a role that allows it."""
        # A name that is still to be made can't be told apart (RBAC, "Referring to resources").
        names = (self.name,) if self.name and self.verb != "create" else ()
        return Rule((self.verb,), self.resource, names)


def fault(scene: Scene, answer: Answer, talk: Talk) -> RefresherError:
    """Return the error that stands for an answer that is no good one."""
    status, said = answer.status, _message(answer)
    denied = _DENIED.search(said)
    if denied is not None:
        return PermanentError(
            f"{denied[1] or denied[2]} denies to {scene.verb} {scene.what}",
            hint="let that admission policy allow it, or exclude the namespace",
        )
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _later(answer, said, talk)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _redirected(answer, talk)
    sort = _SORTED.get(status, _rejected)
    return sort(scene, answer, talk)


def unreadable(scene: Scene, talk: Talk) -> RetryableError:
    """Return the error for a good answer that is not what was asked for."""
    return RetryableError(
        f"{talk.host} answers with something else than {scene.what} in Kubernetes' JSON",
        hint="if that stays so, something else answers there: a portal, a proxy",
    )


def _later(answer: Answer, said: str, talk: Talk) -> RetryableError:
    wait = retry_after(answer.headers.get("Retry-After", ""), talk.clock)
    called = _CALLED.search(said)
    if called is not None:
        return RetryableError(
            f"the admission webhook {called[1]} does not answer", retry_after=wait
        )
    words = _WORDS.get(answer.status, "failed")
    return RetryableError(f"{talk.host} {words} (status {answer.status})", retry_after=wait)


def _missing(scene: Scene, answer: Answer, talk: Talk) -> RefresherError:
    details = _details(answer)
    if details.get("kind") == "namespaces":
        return NoNamespaceError(
            f"there is no namespace {scene.namespace}", hint="make it, or correct namespaces"
        )
    if details.get("name"):
        return GoneError(f"there is no {scene.what}")
    return PermanentError(
        f"{talk.host} has no API of Kubernetes v1", hint="check the server in the kubeconfig"
    )


def _moved(scene: Scene, _answer: Answer, _talk: Talk) -> RefresherError:
    return ConflictError(f"{scene.what} is being changed by somebody else")


def _unknown(_scene: Scene, _answer: Answer, talk: Talk) -> RefresherError:
    return PermanentError(
        f"{talk.host} does not take {talk.identity}",
        hint="it may have ended, or be for another cluster: renew it",
    )


def _forbidden(scene: Scene, answer: Answer, talk: Talk) -> RefresherError:
    said = _message(answer)
    if any(each.get("reason") == _TERMINATING for each in _causes(answer)):
        return NoNamespaceError(f"namespace {scene.namespace} is being terminated")
    quota = _QUOTA.search(said)
    if quota is not None:
        return PermanentError(
            f"the quota {quota[1]} allows no more {scene.what}",
            hint="raise it, or remove what is not needed",
        )
    new = _NEW_QUOTA.search(said)
    if new is not None:
        return RetryableError(
            f"the quota {new[1]} of namespace {scene.namespace} is not counted yet"
        )
    return _no_right(scene, said, talk)


def _no_right(scene: Scene, said: str, talk: Talk) -> PermanentError:
    user = _USER.search(said)
    # What is missing in a role is told with its user; else the words are an admission plug-in's.
    if user is None and _ADMISSION in said and _CANNOT not in said:
        return PermanentError(
            f"an admission plug-in of {talk.host} forbids to {scene.verb} {scene.what}",
            hint="look there for the reason, or exclude the namespace",
        )
    if user is not None and user[1] == _ANONYMOUS:
        return PermanentError(
            f"{talk.host} does not know who asks: {talk.identity} presents nobody that it takes",
            hint="give that user a token, a certificate or a credential plug-in",
        )
    who = user[1] if user else talk.identity
    where = f"a Role in {scene.namespace}" if scene.namespace else "a ClusterRole"
    return PermanentError(
        f"{who} may not {scene.verb} {scene.what}",
        hint=f"add this rule to {where} that is bound to it: {scene.rule}",
    )


def _redirected(answer: Answer, talk: Talk) -> PermanentError:
    target = url.parse(answer.headers.get("Location", ""))
    where = f"{target.scheme}://{target.authority}" if target else "another place"
    return PermanentError(
        f"{talk.host} redirects to {where}, and the token goes nowhere else",
        hint="write that into the kubeconfig, if it is right",
    )


def _rejected(scene: Scene, answer: Answer, talk: Talk) -> PermanentError:
    named = [str(each.get("field")) for each in _causes(answer)]
    fields = sorted({each for each in named if _FIELD.fullmatch(each)})
    about = f", for {' and '.join(fields)}" if fields else ""
    hint = "check the selectors in the settings" if scene.verb == "list" else ""
    return PermanentError(
        f"{talk.host} refuses to {scene.verb} {scene.what} (status {answer.status}{about})",
        hint=hint,
    )


def _message(answer: Answer) -> str:
    message = (answer.document or {}).get("message")
    return message if isinstance(message, str) else ""


def _details(answer: Answer) -> Mapping[str, Any]:
    details = (answer.document or {}).get("details")
    return details if isinstance(details, dict) else {}


def _causes(answer: Answer) -> Iterator[Mapping[str, Any]]:
    causes = _details(answer).get("causes")
    return (each for each in (causes if isinstance(causes, list) else ()) if isinstance(each, dict))


_SORTED: Final[Mapping[int, Callable[[Scene, Answer, Talk], RefresherError]]] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: _unknown,
        HTTPStatus.FORBIDDEN: _forbidden,
        HTTPStatus.NOT_FOUND: _missing,
        HTTPStatus.CONFLICT: _moved,
    }
)
