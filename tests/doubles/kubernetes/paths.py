"""What a request is about, as the authorizer sees it.

k8s.io/apiserver, pkg/endpoints/request/requestinfo.go.
"""

from dataclasses import dataclass
from typing import Final

from tests.doubles.kubernetes.message import Request
from tests.doubles.kubernetes.selectors import exact_name

_VERBS: Final = {
    "POST": "create",
    "GET": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_PARTS: Final = frozenset({"status", "finalize"})
_CORE: Final = 3
_GROUPED: Final = 4


@dataclass(frozen=True)
class Attributes:
    """A verb, and what it is for: a resource, or a path where `resource` is empty."""

    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def combined(self) -> str:
        """The resource with its subresource, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def attributes(request: Request) -> Attributes:
    """Take a path apart."""
    parts = [part for part in request.path.strip("/").split("/") if part]
    least = _CORE if parts[:1] == ["api"] else _GROUPED
    if len(parts) < least or parts[0] not in {"api", "apis"}:
        return Attributes(request.method.lower(), request.path)
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    namespace, rest = "", parts[least - 1 :]
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_PARTS:
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    verb = _VERBS.get(request.method, "")
    if not name and verb == "get":
        verb = "watch" if request.flag("watch") else "list"
        # A selector of one name is seen as the name: so `resourceNames` can allow list and watch.
        name = exact_name(request.query.get("fieldSelector", ""))
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(verb, request.path, group, version, resource, subresource, namespace, name)
