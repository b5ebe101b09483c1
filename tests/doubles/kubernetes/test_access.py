"""Tokens, RBAC and what the server says to those who may not.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from typing import Any

import pytest
import yaml

from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble, rule
from tests.doubles.kubernetes.conftest import SECRETS, Connect, pull_secret
from tests.doubles.kubernetes.kinds import SECRET

ALL = "/api/v1/secrets"
ACCOUNT = "system:serviceaccount:tools:refresher"
MANIFEST = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: secrets}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: refresher, namespace: shop}
subjects: [{kind: ServiceAccount, name: refresher, namespace: tools}]
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: secrets}
"""


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        (
            "GET",
            ALL,
            (
                f'secrets is forbidden: User "{ACCOUNT}" cannot list resource "secrets" '
                'in API group "" at the cluster scope'
            ),
        ),
        (
            "GET",
            f"{ALL}?watch=1",
            (
                f'secrets is forbidden: User "{ACCOUNT}" cannot watch resource "secrets" '
                'in API group "" at the cluster scope'
            ),
        ),
        (
            "GET",
            f"{ALL}?fieldSelector=metadata.name%3Dreg",
            (
                f'secrets "reg" is forbidden: User "{ACCOUNT}" cannot list resource "secrets" '
                'in API group "" at the cluster scope'
            ),
        ),
        (
            "POST",
            SECRETS,
            (
                f'secrets is forbidden: User "{ACCOUNT}" cannot create resource "secrets" '
                'in API group "" in the namespace "shop"'
            ),
        ),
        (
            "PATCH",
            f"{SECRETS}/reg",
            (
                f'secrets "reg" is forbidden: User "{ACCOUNT}" cannot patch resource "secrets" '
                'in API group "" in the namespace "shop"'
            ),
        ),
        (
            "DELETE",
            SECRETS,
            (
                f'secrets is forbidden: User "{ACCOUNT}" cannot deletecollection '
                'resource "secrets" in API group "" in the namespace "shop"'
            ),
        ),
        (
            "GET",
            "/api/v1/namespaces/shop",
            (
                f'namespaces "shop" is forbidden: User "{ACCOUNT}" cannot get '
                'resource "namespaces" in API group "" in the namespace "shop"'
            ),
        ),
        (
            "PUT",
            "/api/v1/namespaces/shop/status",
            (
                f'namespaces "shop" is forbidden: User "{ACCOUNT}" cannot update resource '
                '"namespaces/status" in API group "" in the namespace "shop"'
            ),
        ),
        (
            "PUT",
            "/apis/coordination.k8s.io/v1/namespaces/shop/leases/l",
            (
                f'leases.coordination.k8s.io "l" is forbidden: User "{ACCOUNT}" cannot update '
                'resource "leases" in API group "coordination.k8s.io" in the namespace "shop"'
            ),
        ),
        ("GET", "/metrics", f'forbidden: User "{ACCOUNT}" cannot get path "/metrics"'),
    ],
)
def test_a_refusal_says_who_what_and_where(
    kube: KubernetesDouble, connect: Connect, method: str, path: str, said: str
) -> None:
    """403 in the words of the server (handlers/responsewriters/errors.go)."""
    client = connect(kube.account("refresher", "tools"))
    assert client.call(method, path).refusal == (403, "Forbidden", said)


def test_nothing_is_told_before_the_question_is_allowed(
    kube: KubernetesDouble, connect: Connect
) -> None:
    """Neither what is there nor what is wrong with a body."""
    client = connect(kube.account("refresher", "tools"))
    assert client.post(SECRETS, b"{").status == 403
    assert client.get("/api/v1/foos").status == 403
    assert client.get("/api/v1/foos").body["details"] == {"kind": "foos"}


def test_a_token_must_be_known(kube: KubernetesDouble, connect: Connect, clock: FakeClock) -> None:
    """401 for one that was never issued, is over, or was revoked."""
    token = kube.account("refresher", "tools", [rule(["list"], ["secrets"])], seconds=600)
    lasting = kube.admin()
    assert connect("nonsense").get(ALL).refusal == (401, "Unauthorized", "Unauthorized")
    assert connect(token).get(ALL).status == 200
    clock.advance(600)
    assert connect(token).get(ALL).refusal == (401, "Unauthorized", "Unauthorized")
    assert connect(lasting).get(ALL).status == 200
    kube.revoke(lasting)
    assert connect(lasting).get(ALL).status == 401
    assert [asked.user for asked in kube.asked(resource="secrets")] == [
        "",
        ACCOUNT,
        "",
        "kubernetes-admin",
        "",
    ]


def test_who_brings_no_token_is_anonymous(kube: KubernetesDouble, connect: Connect) -> None:
    """403, or 401 where the server lets nobody in (--anonymous-auth=false)."""
    said = (
        'secrets is forbidden: User "system:anonymous" cannot list resource "secrets" '
        'in API group "" at the cluster scope'
    )
    client = connect(None)
    assert client.get(ALL).refusal == (403, "Forbidden", said)
    assert client.get("/version").status == 200
    assert client.get("/api").status == 403
    kube.let_anonymous(enter=False)
    assert client.get("/version").status == 401


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([rule(["get"], ["secrets"])], {"get"}),
        ([rule(["*"], ["secrets"])], {"get", "list", "watch", "create", "update", "other"}),
        ([rule(["get", "list"], ["*"])], {"get", "list"}),
        ([rule(["get"], ["secrets"], groups=["*"])], {"get"}),
        ([rule(["get"], ["secrets"], groups=["apps"])], set()),
        ([rule(["get"], ["serviceaccounts", "secret"])], set()),
        ([rule(["get", "update"], ["secrets"], names=["a"])], {"get", "update"}),
        ([rule(["get", "update"], ["secrets"], names=["b"])], {"other"}),
        ([rule(["create", "list"], ["secrets"], names=["a"])], set()),
        (
            [rule(["create"], ["secrets"]), rule(["get"], ["secrets"], names=["a"])],
            {"create", "get"},
        ),
        ([], set()),
    ],
)
def test_rules(
    kube: KubernetesDouble, connect: Connect, rules: list[Any], allowed: set[str]
) -> None:
    """Verbs, groups, resources and names; a name never allows create or a whole list."""
    kube.add_secret("a", "shop")
    kube.add_secret("b", "shop")
    client = connect(kube.account("refresher", "tools", rules, within=["shop"]))
    answers = {
        "get": client.get(f"{SECRETS}/a"),
        "list": client.get(SECRETS),
        "watch": client.get(SECRETS, watch="1", timeoutSeconds="1") if "watch" in allowed else None,
        "create": client.post(SECRETS, pull_secret("c")),
        "update": client.put(f"{SECRETS}/a", pull_secret("a")),
        "other": client.put(f"{SECRETS}/b", pull_secret("b")),
    }
    seen = {verb for verb, reply in answers.items() if reply and reply.status != 403}
    assert seen - {"other"} == allowed - {"other"}
    if "other" in allowed:
        assert "other" in seen
    assert client.get(ALL).status == 403
    assert client.get("/api/v1/namespaces/default/secrets/a").status == 403


@pytest.mark.parametrize("watch", ["false", "true"])
@pytest.mark.parametrize(
    ("selector", "allowed"),
    [
        ("metadata.name=reg", True),
        ("metadata.name==reg", True),
        ("metadata.name=reg,type=Opaque", True),
        ("metadata.name=other", False),
        ("metadata.name!=reg", False),
        ("type=Opaque", False),
        ("metadata.name=reg,metadata.name", False),
        ("", False),
    ],
)
def test_a_name_allows_to_list_and_watch_that_name(
    kube: KubernetesDouble, connect: Connect, selector: str, watch: str, *, allowed: bool
) -> None:
    """By a field selector of exactly one name (request/requestinfo.go)."""
    rules = [rule(["list", "watch"], ["secrets"], names=["reg"])]
    client = connect(kube.account("refresher", "tools", rules))
    query = {"fieldSelector": selector, "watch": watch, "timeoutSeconds": "1"}
    if allowed and watch == "true":
        watching = client.watch(ALL, fieldSelector=selector)
        kube.add_secret("reg", "shop", {}, type_="Opaque")
        assert watching.names(1) == [("ADDED", "reg")]
    else:
        assert client.get(ALL, **query).status == (200 if allowed else 403)


def test_manifests_can_be_applied(kube: KubernetesDouble, connect: Connect) -> None:
    """Roles and bindings as people write them, of a ClusterRole in one namespace, too."""
    client = connect(kube.account("refresher", "tools"))
    for document in yaml.safe_load_all(MANIFEST):
        kube.roles.apply(document)
    assert (client.get(SECRETS).status, client.get(ALL).status) == (200, 403)
    kube.roles.remove("RoleBinding", "refresher", "shop")
    assert client.get(SECRETS).status == 403


def test_secrets_are_shown_nowhere(kube: KubernetesDouble, connect: Connect) -> None:
    """Neither a token nor a value is in what tests may print."""
    token = kube.admin()
    kube.add_secret("a", "shop", {"x": b"canary"}, type_="Opaque")
    connect(token).get(ALL)
    stored = kube._storage.listed(SECRET, "shop", kube.revision)
    shown = repr((kube, kube._gate, kube.asked(), stored))
    assert token not in shown
    assert "Y2FuYXJ5" not in shown
