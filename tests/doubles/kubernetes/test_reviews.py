"""What one may do, asked by oneself.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesDouble, rule
from tests.doubles.kubernetes.conftest import Client, Connect

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@pytest.mark.parametrize(
    ("attributes", "allowed"),
    [
        ({"verb": "get", "resource": "secrets", "namespace": "shop", "name": "reg"}, True),
        ({"verb": "get", "resource": "secrets", "namespace": "shop"}, False),
        ({"verb": "get", "resource": "secrets", "namespace": "bar", "name": "reg"}, False),
        ({"verb": "create", "resource": "secrets", "namespace": "shop"}, True),
        ({"verb": "create", "resource": "secrets"}, False),
        ({"verb": "*", "resource": "secrets", "namespace": "shop"}, False),
        ({"verb": "update", "resource": "leases", "group": "coordination.k8s.io"}, False),
        ({"verb": "get", "resource": "pods", "subresource": "log", "namespace": "shop"}, True),
        ({"verb": "get", "resource": "pods", "namespace": "shop"}, False),
    ],
)
def test_one_can_ask_what_one_may(
    kube: KubernetesDouble, connect: Connect, attributes: dict[str, str], *, allowed: bool
) -> None:
    """A SelfSubjectAccessReview answers as the authorizer decides, and says by what."""
    rules = [
        rule(["get", "update"], ["secrets"], names=["reg"]),
        rule(["create"], ["secrets"]),
        rule(["get"], ["*/log"]),
    ]
    client = connect(kube.account("refresher", "tools", rules, within=["shop"]))
    spec = {"resourceAttributes": attributes}
    reply = client.post(REVIEW, {"kind": "SelfSubjectAccessReview", "spec": spec})
    assert (reply.status, reply.body["spec"]) == (201, spec)
    status = reply.body["status"]
    assert status["allowed"] is allowed
    if allowed:
        assert status["reason"].startswith('RBAC: allowed by RoleBinding "allow-')
        assert status["reason"].endswith('to ServiceAccount "refresher/tools"')
    else:
        assert status == {"allowed": False}


@pytest.mark.parametrize(("path", "allowed"), [("/version", True), ("/metrics", False)])
def test_one_can_ask_about_paths(
    kube: KubernetesDouble, connect: Connect, path: str, *, allowed: bool
) -> None:
    """What is no resource."""
    client = connect(kube.user("ann"))
    spec = {"nonResourceAttributes": {"verb": "get", "path": path}}
    assert client.post(REVIEW, {"spec": spec}).body["status"]["allowed"] is allowed


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        (REVIEW, {"spec": {}}, 422),
        (REVIEW, {"spec": {"resourceAttributes": {}, "nonResourceAttributes": {}}}, 422),
        (REVIEW, {"kind": "Pod"}, 400),
        (RULES, {"spec": {}}, 400),
        (RULES, b"{", 400),
    ],
)
def test_questions_must_make_sense(client: Client, path: str, document: Any, status: int) -> None:
    """About a resource or a path, and rules in a namespace."""
    assert client.post(path, document).refusal[0] == status


def test_one_can_ask_for_all_rules(kube: KubernetesDouble, connect: Connect) -> None:
    """A SelfSubjectRulesReview lists what holds in a namespace."""
    rules = [rule(["get"], ["secrets"], names=["reg"])]
    client = connect(kube.account("refresher", "tools", rules, within=["shop"]))
    reply = client.post(RULES, {"spec": {"namespace": "shop"}})
    assert reply.status == 201
    assert rules[0] in reply.body["status"]["resourceRules"]
    elsewhere = client.post(RULES, {"spec": {"namespace": "default"}}).body["status"]
    assert rules[0] not in elsewhere["resourceRules"]
    assert elsewhere["incomplete"] is False
    master = connect(kube.admin()).post(RULES, {"spec": {"namespace": "shop"}}).body["status"]
    assert master["resourceRules"][0]["verbs"] == ["*"]
    spec = {"resourceAttributes": {"verb": "x", "resource": "y"}}
    answer = connect(kube.admin()).post(REVIEW, {"spec": spec}).body["status"]
    assert answer == {"allowed": True}
