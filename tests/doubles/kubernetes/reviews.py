"""SelfSubjectAccessReview and SelfSubjectRulesReview: what may I do?

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access and
pkg/registry/authorization of https://github.com/kubernetes/kubernetes.
"""

from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes import decoding
from tests.doubles.kubernetes.access import MASTERS, User
from tests.doubles.kubernetes.kinds import AUTHORIZATION, REVIEWS
from tests.doubles.kubernetes.message import Answer, Request
from tests.doubles.kubernetes.paths import Attributes
from tests.doubles.kubernetes.rbac import Roles, rule
from tests.doubles.kubernetes.statuses import bad_request, invalid, invalid_value

_API_VERSION: Final = f"{AUTHORIZATION}/v1"


def review(roles: Roles, user: User, resource: str, request: Request) -> Answer:
    """Answer a review of either kind. Raises `ApiError` 400 or 422."""
    kind = REVIEWS[resource]
    document = decoding.parsed(request, kind)
    if not isinstance(document, dict) or document.get("kind", kind) != kind:
        raise bad_request(f"the object provided is unrecognized (must be of type {kind})")
    spec = document.get("spec") or {}
    status = _access(roles, user, spec) if "access" in resource else _rules(roles, user, spec)
    answer = {"kind": kind, "apiVersion": _API_VERSION, "metadata": {}, "spec": spec}
    return Answer.of({**answer, "status": status}, HTTPStatus.CREATED)


def _access(roles: Roles, user: User, spec: dict[str, Any]) -> dict[str, Any]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        field = "spec.resourceAttributes" if resource is not None else "spec"
        flaw = invalid_value(field, None, why)
        name = f"SelfSubjectAccessReview.{AUTHORIZATION}"
        raise invalid(name, "", [flaw], AUTHORIZATION)
    if path is not None:
        asked = Attributes(path.get("verb", ""), path.get("path", ""))
    else:
        assert resource is not None
        names = ("group", "version", "resource", "subresource", "namespace", "name")
        asked = Attributes(
            resource.get("verb", ""), **{name: resource.get(name, "") for name in names}
        )
    allowed, reason = roles.decide(user, asked)
    return {"allowed": allowed, "reason": reason} if reason else {"allowed": allowed}


def _rules(roles: Roles, user: User, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = spec.get("namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    found = roles.rules(user, namespace)
    if MASTERS in user.groups:
        found = [rule(["*"], ["*"], groups=["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    return {
        "resourceRules": [one for one in found if "resources" in one],
        "nonResourceRules": [one for one in found if "nonResourceURLs" in one],
        "incomplete": False,
    }
