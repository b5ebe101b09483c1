"""Delete. Source: k8s.io/apiserver, pkg/registry/rest/delete.go."""

import pytest

from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import (
    ACCOUNTS,
    SECRETS,
    Client,
    pull_secret,
)


def test_delete_answers_with_a_status(client: Client) -> None:
    """For a Secret; for a ServiceAccount it is the object that is gone."""
    uid = client.post(SECRETS, pull_secret("a")).body["metadata"]["uid"]
    client.post(ACCOUNTS, {"metadata": {"name": "a"}})
    assert client.delete(f"{SECRETS}/a").body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "secrets", "uid": uid},
    }
    assert client.delete(f"{ACCOUNTS}/a").body["kind"] == "ServiceAccount"
    assert client.get(f"{SECRETS}/a").status == 404


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_delete_has_preconditions(client: Client, field: str) -> None:
    """409 when the object is another one, or was modified (rest/delete.go, BeforeDelete)."""
    metadata = client.post(SECRETS, pull_secret("a")).body["metadata"]
    status, reason, message = client.delete(f"{SECRETS}/a", {"preconditions": {field: "1"}}).refusal
    assert (status, reason) == (409, "Conflict")
    assert f"in the precondition (1) does not match the {field[:1].upper()}"[:48] in message
    right = {"preconditions": {field: metadata[field]}, "propagationPolicy": "Background"}
    assert client.delete(f"{SECRETS}/a", right).status == 200


def test_a_strange_propagation_is_refused(client: Client) -> None:
    """422 about DeleteOptions."""
    reply = client.delete(f"{SECRETS}/a", {"propagationPolicy": "Sideways"})
    assert reply.refusal[:2] == (422, "Invalid")


def test_finalizers_keep_what_is_deleted(kube: KubernetesDouble, client: Client) -> None:
    """It bears a deletionTimestamp until the last finalizer is removed."""
    kube.add_secret("a", "shop", metadata={"finalizers": ["x.example/y"]})
    assert "deletionTimestamp" in client.delete(f"{SECRETS}/a").body["metadata"]
    assert client.delete(f"{SECRETS}/a").status == 200
    assert client.get(f"{SECRETS}/a").status == 200
    assert client.patch(f"{SECRETS}/a", {"metadata": {"finalizers": None}}).status == 200
    assert client.get(f"{SECRETS}/a").status == 404


def test_a_collection_can_be_deleted(kube: KubernetesDouble, client: Client) -> None:
    """What a selector chooses; the answer lists it."""
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        kube.add_secret(name, "shop", metadata={"labels": {"l": label}})
    assert len(client.delete(SECRETS, labelSelector="l=x").body["items"]) == 2
    assert [one["metadata"]["name"] for one in kube.all("secrets", "shop")] == ["c"]
