"""Role-based access control.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/, plugin/pkg/auth/authorizer/rbac and
pkg/apis/rbac/v1/evaluation_helpers.go of https://github.com/kubernetes/kubernetes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.doubles.kubernetes.access import AUTHENTICATED, MASTERS, UNAUTHENTICATED, User
from tests.doubles.kubernetes.paths import Attributes
from tests.doubles.kubernetes.statuses import forbidden

Document = dict[str, Any]
_GROUP: Final = "rbac.authorization.k8s.io"
_HEALTH: Final = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY: Final = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_HEALTH]


def rule(
    verbs: Sequence[str],
    resources: Sequence[str],
    *,
    groups: Sequence[str] = ("",),
    names: Sequence[str] = (),
) -> Document:
    """Return a rule of a role."""
    made = {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}
    return {**made, "resourceNames": list(names)} if names else made


class Roles:
    """Roles and their bindings. Each is a document, as manifests hold it."""

    def __init__(self) -> None:
        self._roles: dict[tuple[str, str, str], Document] = {}
        self._bindings: dict[tuple[str, str, str], Document] = {}
        for document in _bootstrap():
            self.apply(document)

    def apply(self, document: Document) -> None:
        """Take a Role, ClusterRole, RoleBinding or ClusterRoleBinding."""
        kind, metadata = document["kind"], document["metadata"]
        assert document["apiVersion"] == f"{_GROUP}/v1", document["apiVersion"]
        kept = self._bindings if kind.endswith("Binding") else self._roles
        kept[(kind, metadata.get("namespace", ""), metadata["name"])] = document

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        """Forget one of them."""
        kept = self._bindings if kind.endswith("Binding") else self._roles
        del kept[(kind, namespace, name)]

    def allow(self, user: User, rules: Sequence[Document], namespace: str = "") -> None:
        """Give a user rules, in one namespace or in all, by a role and a binding of their own."""
        number = len(self._bindings)
        prefix = "" if namespace else "Cluster"
        metadata = {"name": f"allow-{number}", "namespace": namespace}
        role = {"apiVersion": f"{_GROUP}/v1", "kind": f"{prefix}Role", "metadata": metadata}
        self.apply({**role, "rules": list(rules)})
        self.apply(_binding(f"allow-{number}", f"{prefix}Role", [_subject(user)], namespace))

    def decide(self, user: User, asked: Attributes) -> tuple[bool, str]:
        """Say whether a user may, and by what."""
        if MASTERS in user.groups:
            return True, ""
        for found, binding, subject in self._rules(user, asked.namespace):
            if _covers(found, asked):
                return True, f"RBAC: allowed by {_said(binding, subject)}"
        return False, ""

    def require(self, user: User, asked: Attributes) -> None:
        """Raise `ApiError` 403 with the words of the server unless a user may.

        k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go, forbiddenMessage.
        """
        if self.decide(user, asked)[0]:
            return
        who = f'User "{user.name}" cannot {asked.verb}'
        if not asked.resource:
            raise forbidden("", "", "", f'{who} path "{asked.path}"')
        where = (
            f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        )
        what = f'resource "{asked.combined}" in API group "{asked.group}"'
        raise forbidden(asked.group, asked.resource, asked.name, f"{who} {what} {where}")

    def rules(self, user: User, namespace: str) -> list[Document]:
        """Return all rules of a user in a namespace."""
        return [found for found, _, _ in self._rules(user, namespace)]

    def _rules(self, user: User, namespace: str) -> Iterator[tuple[Document, Document, Document]]:
        """Yield each rule with its binding and subject, those of the cluster first."""
        for (kind, where, _), binding in sorted(self._bindings.items(), key=lambda one: one[0]):
            if kind == "RoleBinding" and where != namespace:
                continue
            subject = _matching(user, binding)
            reference = binding["roleRef"]
            home = where if reference["kind"] == "Role" else ""
            role = self._roles.get((reference["kind"], home, reference["name"]))
            if subject is not None and role is not None:
                for found in role.get("rules") or ():
                    yield found, binding, subject


def _matching(user: User, binding: Document) -> Document | None:
    for subject in binding.get("subjects") or ():
        kind, name = subject["kind"], subject["name"]
        if kind == "ServiceAccount":
            home = subject.get("namespace") or binding["metadata"].get("namespace", "")
            name = f"system:serviceaccount:{home}:{name}"
        if name in (user.groups if kind == "Group" else (user.name,)):
            return dict(subject)
    return None


def _covers(found: Document, asked: Attributes) -> bool:
    if not _in(found["verbs"], asked.verb):
        return False
    if not asked.resource:
        return any(_path_matches(url, asked.path) for url in found.get("nonResourceURLs", ()))
    names = found.get("resourceNames")
    return (
        _in(found.get("apiGroups", ()), asked.group)
        and _resource_matches(found.get("resources", ()), asked)
        and (not names or asked.name in names)
    )


def _in(allowed: Sequence[str], asked: str) -> bool:
    return "*" in allowed or asked in allowed


def _resource_matches(resources: Sequence[str], asked: Attributes) -> bool:
    any_parent = f"*/{asked.subresource}" if asked.subresource else "*"
    return not {"*", asked.combined, any_parent}.isdisjoint(resources)


def _path_matches(url: str, path: str) -> bool:
    return url in {"*", path} or (url.endswith("*") and path.startswith(url.rstrip("*")))


def _said(binding: Document, subject: Document) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    home = metadata.get("namespace", "")
    name = f"{metadata['name']}/{home}" if home else metadata["name"]
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or home}"
    via = f'{binding["kind"]} "{name}" of {role["kind"]} "{role["name"]}"'
    return f'{via} to {subject["kind"]} "{who}"'


def _subject(user: User) -> Document:
    parts = user.name.split(":")
    if parts[:2] == ["system", "serviceaccount"]:
        return {"kind": "ServiceAccount", "namespace": parts[2], "name": parts[3]}
    return {"kind": "User", "apiGroup": _GROUP, "name": user.name}


def _binding(name: str, role: str, subjects: list[Document], namespace: str = "") -> Document:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{role}Binding",
        "metadata": {"name": name, "namespace": namespace},
        "subjects": subjects,
        "roleRef": {"apiGroup": _GROUP, "kind": role, "name": name},
    }


def _bootstrap() -> Iterator[Document]:
    """Yield what every server has (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go)."""
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    basic = rule(["create"], reviews, groups=["authorization.k8s.io"])
    health = {"verbs": ["get"], "nonResourceURLs": _HEALTH}
    discovery = {"verbs": ["get"], "nonResourceURLs": _DISCOVERY}
    for name, found, groups in (
        ("system:basic-user", basic, (AUTHENTICATED,)),
        ("system:discovery", discovery, (AUTHENTICATED,)),
        ("system:public-info-viewer", health, (AUTHENTICATED, UNAUTHENTICATED)),
    ):
        head = {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        yield {**head, "rules": [found]}
        subjects = [{"kind": "Group", "apiGroup": _GROUP, "name": group} for group in groups]
        yield _binding(name, "ClusterRole", subjects)
