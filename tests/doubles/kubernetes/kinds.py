"""The types of objects that the server knows, and what differs between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ALL_VERBS: Final = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
_EVENT_SELECTORS: Final = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "reason",
    "type",
)


@dataclass(frozen=True, eq=False)
class Kind:
    """A type. `resource` is its name in paths and RBAC rules, `name` its name in documents.

    `fields` are the top-level fields that are kept, `selectable` the field labels that selectors
    may name beside `metadata.name` and `metadata.namespace`. `create_on_update` lets PUT create,
    `unconditional` lets PUT come without a resourceVersion, `returns_deleted` makes DELETE answer
    with the object. They are the strategies of the types, pkg/registry/*/*/strategy.go of
    https://github.com/kubernetes/kubernetes.
    """

    group: str
    version: str
    resource: str
    name: str
    namespaced: bool = True
    fields: frozenset[str] = frozenset()
    selectable: tuple[str, ...] = ()
    create_on_update: bool = False
    unconditional: bool = True
    returns_deleted: bool = False
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = field(default=())

    @property
    def api_version(self) -> str:
        """The apiVersion in documents."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The resource as messages name it (schema.GroupResource.String)."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def qualified_name(self) -> str:
        """The kind as messages name it (schema.GroupKind.String)."""
        return f"{self.name}.{self.group}" if self.group else self.name

    def whole(self, encoded: bytes) -> bytes:
        """Return an encoded object with its apiVersion and kind, which lists leave out."""
        head = f'{{"kind":"{self.name}","apiVersion":"{self.api_version}",'
        return head.encode() + encoded[1:]


SECRET: Final = Kind(
    "",
    "v1",
    "secrets",
    "Secret",
    fields=frozenset({"data", "stringData", "type", "immutable"}),
    selectable=("type",),
)
SERVICE_ACCOUNT: Final = Kind(
    "",
    "v1",
    "serviceaccounts",
    "ServiceAccount",
    fields=frozenset({"secrets", "imagePullSecrets", "automountServiceAccountToken"}),
    returns_deleted=True,
    short_names=("sa",),
)
NAMESPACE: Final = Kind(
    "",
    "v1",
    "namespaces",
    "Namespace",
    namespaced=False,
    fields=frozenset({"spec", "status"}),
    selectable=("status.phase",),
    subresources=("status", "finalize"),
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
    short_names=("ns",),
)
_EVENT_FIELDS: Final = frozenset(
    {
        "involvedObject",
        "regarding",
        "reason",
        "message",
        "note",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "series",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
        "reportingController",
    }
)
EVENT: Final = Kind(
    "",
    "v1",
    "events",
    "Event",
    fields=_EVENT_FIELDS - {"regarding", "note", "reportingController"},
    selectable=_EVENT_SELECTORS,
    create_on_update=True,
    short_names=("ev",),
)
NEW_EVENT: Final = Kind(
    "events.k8s.io",
    "v1",
    "events",
    "Event",
    fields=_EVENT_FIELDS - {"involvedObject", "message", "source", "count", "reportingComponent"},
    create_on_update=True,
    short_names=("ev",),
)
LEASE: Final = Kind(
    "coordination.k8s.io",
    "v1",
    "leases",
    "Lease",
    fields=frozenset({"spec"}),
    create_on_update=True,
    unconditional=False,
)
KINDS: Final = (SECRET, SERVICE_ACCOUNT, NAMESPACE, EVENT, NEW_EVENT, LEASE)
REVIEWS: Final = {
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "SelfSubjectRulesReview",
}
"""The resources of authorization.k8s.io/v1, and their kinds. They are only created."""
AUTHORIZATION: Final = "authorization.k8s.io"
_BY_RESOURCE: Final[Mapping[tuple[str, str, str], Kind]] = {
    (kind.group, kind.version, kind.resource): kind for kind in KINDS
}


def found(group: str, version: str, resource: str) -> Kind | None:
    """Return the type of a resource, if the server has it."""
    return _BY_RESOURCE.get((group, version, resource))


def named(name: str) -> Kind:
    """Return a type by its resource, for tests; `events.events.k8s.io` is the newer one."""
    return next(kind for kind in KINDS if name in {kind.resource, kind.qualified})
