"""Kubernetes on loopback: the API of Secrets and what goes with them, as of 1.36.

    with KubernetesDouble(Authority(tmp_path)) as kube:
        kube.add_namespace("shop", {"env": "prod"})
        token = kube.account("refresher", "tools", [rule(["get", "create"], ["secrets"])])
        kubeconfig = kube.kubeconfig(tmp_path / "config", token)
        ...
        assert kube.secret("registry", "shop") == {".dockerconfigjson": b"..."}
        assert kube.writes(resource="secrets") == 1

Secrets, ServiceAccounts, Namespaces, Events (both groups), Leases, SelfSubjectAccessReview and
SelfSubjectRulesReview; get, list in pages, watch, create, update, every kind of patch, delete, dry
run; RBAC by roles and bindings (`kube.roles.apply` takes manifests); webhooks and quotas. `Rules`
switches what differs between servers. Faults are made by `tests.doubles.kubernetes.faults` and
given to `KubernetesDouble.fail`.

It behaves as the code of https://github.com/kubernetes/kubernetes does; each module names its
source. Left out: every other type (pods, ConfigMaps, TokenRequest, roles as resources), OpenAPI
and aggregated discovery, protobuf, CBOR, YAML bodies but for apply, tables and metadata-only
lists, client certificates, impersonation, HTTP/2, Priority and Fairness but as a fault, garbage
collection by owners and propagation policies, ResourceQuota objects, the order of fields in JSON,
and unknown fields below the top level. The two groups of Events don't see each other's objects. A
token outlives its service account. What is refused for bad JSON or a bad selector has the right
status and reason; its text is close, not the same.
"""

from tests.doubles.kubernetes.admission import Denial, Review, Webhook
from tests.doubles.kubernetes.double import KubernetesDouble
from tests.doubles.kubernetes.faults import Fault
from tests.doubles.kubernetes.files import Mounted
from tests.doubles.kubernetes.rbac import rule
from tests.doubles.kubernetes.record import Asked
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.statuses import ApiError

__all__ = [
    "ApiError",
    "Asked",
    "Denial",
    "Fault",
    "KubernetesDouble",
    "Mounted",
    "Review",
    "Rules",
    "Webhook",
    "rule",
]
