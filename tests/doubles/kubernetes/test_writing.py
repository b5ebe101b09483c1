"""Create and update. Sources: k8s.io/apiserver, pkg/registry/{rest,generic/registry}."""

import re
from typing import Any

import pytest

from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import (
    ACCOUNTS,
    LEASES,
    SECRETS,
    Client,
    coded,
    pull_secret,
)

MODIFIED = (
    'Operation cannot be fulfilled on secrets "a": the object has been modified; '
    "please apply your changes to the latest version and try again"
)


def test_a_new_object_is_given_what_only_the_server_knows(
    kube: KubernetesDouble, client: Client
) -> None:
    """uid, creationTimestamp by the clock, resourceVersion, managedFields by the User-Agent."""
    reply = client.post(SECRETS, pull_secret("a"))
    metadata = reply.body["metadata"]
    assert (reply.status, reply.body["kind"], reply.body["apiVersion"]) == (201, "Secret", "v1")
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["uid"])
    assert metadata["creationTimestamp"] == "2026-03-01T12:00:00Z"
    assert metadata["resourceVersion"] == str(kube.revision)
    assert metadata["managedFields"] == [
        {
            "manager": "tests",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-03-01T12:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:.dockerconfigjson": {}}, "f:type": {}},
        }
    ]
    assert client.get(f"{SECRETS}/a").content == reply.content


def test_the_resource_version_is_one_for_all_types(client: Client) -> None:
    """It only grows (https://kubernetes.io/docs/reference/using-api/api-concepts/)."""
    versions = [
        int(client.post(path, {"metadata": {"name": "a"}}).body["metadata"]["resourceVersion"])
        for path in (SECRETS, ACCOUNTS, LEASES)
    ]
    assert versions == sorted(set(versions))


def test_a_name_can_be_generated(client: Client) -> None:
    """Five letters and digits follow what is given."""
    names = {
        client.post(SECRETS, {"metadata": {"generateName": "a-"}}).body["metadata"]["name"]
        for _ in range(3)
    }
    assert len(names) == 3
    assert all(re.fullmatch("a-[b-df-hj-np-tv-xz24-9]{5}", name) for name in names)


def test_a_name_can_be_taken_once(client: Client) -> None:
    """The second is 409 AlreadyExists with the name in the details."""
    client.post(SECRETS, pull_secret("a"))
    reply = client.post(SECRETS, pull_secret("a"))
    assert reply.refusal == (409, "AlreadyExists", 'secrets "a" already exists')
    assert reply.body["details"] == {"name": "a", "kind": "secrets"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_not_there_is_not_found(client: Client, method: str) -> None:
    """404 NotFound, for secrets by PUT as well."""
    body = {"metadata": {"name": "a"}} if method != "GET" else None
    media_type = "application/merge-patch+json" if method == "PATCH" else ""
    reply = client.call(method, f"{SECRETS}/a", body, media_type)
    assert reply.refusal == (404, "NotFound", 'secrets "a" not found')


def test_a_stale_version_is_a_conflict(kube: KubernetesDouble, client: Client) -> None:
    """PUT and PATCH with a resourceVersion of before are 409, and nothing is changed."""
    old = client.post(SECRETS, pull_secret("a")).body
    kube.set_secret("a", "shop", {".dockerconfigjson": b'{"auths":{"x":{}}}'})
    before = kube.revision
    stale = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    for reply in (client.put(f"{SECRETS}/a", old), client.patch(f"{SECRETS}/a", stale)):
        assert reply.refusal == (409, "Conflict", MODIFIED)
    assert kube.revision == before


def test_an_update_without_a_version_wins(kube: KubernetesDouble, client: Client) -> None:
    """AllowUnconditionalUpdate is true for Secrets (pkg/registry/core/secret/strategy.go)."""
    client.post(SECRETS, pull_secret("a"))
    assert client.put(f"{SECRETS}/a", pull_secret("a", '{"auths":{"x":{}}}')).status == 200
    assert kube.secret("a", "shop") == {".dockerconfigjson": b'{"auths":{"x":{}}}'}


def test_what_the_server_owns_can_not_be_changed(client: Client) -> None:
    """The creation stays, whatever PUT says."""
    old = client.post(SECRETS, pull_secret("a")).body["metadata"]
    body = pull_secret("a")
    body["metadata"] |= {"creationTimestamp": "2000-01-01T00:00:00Z", "labels": {"x": "y"}}
    new = client.put(f"{SECRETS}/a", body).body["metadata"]
    assert (new["creationTimestamp"], new["uid"]) == (old["creationTimestamp"], old["uid"])
    assert new["labels"] == {"x": "y"}


def test_another_uid_is_a_conflict(client: Client) -> None:
    """A Secret that was deleted and made anew is not the one that was meant."""
    client.post(SECRETS, pull_secret("a"))
    body = pull_secret("a")
    body["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    status, reason, message = client.put(f"{SECRETS}/a", body).refusal
    assert (status, reason) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: 11111111" in message


def test_what_changes_nothing_is_not_written(
    kube: KubernetesDouble, client: Client, clock: FakeClock
) -> None:
    """Neither the version nor managedFields change, and no watch hears of it (etcd3/store.go)."""
    first = client.post(SECRETS, pull_secret("a"))
    before = kube.revision
    clock.advance(60)
    assert client.put(f"{SECRETS}/a", first.body).content == first.content
    assert client.put(f"{SECRETS}/a", pull_secret("a")).content == first.content
    assert client.patch(f"{SECRETS}/a", {"type": first.body["type"]}).content == first.content
    assert kube.revision == before


def test_text_can_be_given_as_it_is(client: Client) -> None:
    """`stringData` is write-only and overrules `data`."""
    body = {"metadata": {"name": "a"}, "data": coded(x="1", y="2"), "stringData": {"x": "3"}}
    reply = client.post(SECRETS, body)
    assert reply.body["data"] == coded(x="3", y="2")
    assert ("stringData" in reply.body, reply.body["type"]) == (False, "Opaque")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"metadata": {"name": "a", "namespace": "default"}},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"name": "b"}},
            "the name of the object (b) does not match the name on the URL (a)",
        ),
    ],
)
def test_body_and_path_must_agree(client: Client, body: dict[str, Any], said: str) -> None:
    """400 otherwise (rest/create.go, EnsureObjectNamespaceMatchesRequestNamespace)."""
    client.post(SECRETS, pull_secret("a"))
    assert client.put(f"{SECRETS}/a", body).refusal == (400, "BadRequest", said)


def test_a_version_can_not_be_given_at_creation(client: Client) -> None:
    """It is 500 without a reason (storage/errors.go, ErrResourceVersionSetOnCreate)."""
    body = {"metadata": {"name": "a", "resourceVersion": "5"}}
    said = "resourceVersion should not be set on objects to be created"
    assert client.post(SECRETS, body).refusal == (500, "", said)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_dry_run_changes_nothing(kube: KubernetesDouble, client: Client, method: str) -> None:
    """The answer is that of the real thing (api-concepts/#dry-run)."""
    kube.add_secret("a", "shop")
    before, name = kube.revision, "b" if method == "POST" else "a"
    path = SECRETS if method == "POST" else f"{SECRETS}/a"
    body = None if method == "DELETE" else pull_secret(name, '{"auths":{"x":{}}}')
    media_type = "application/merge-patch+json" if method == "PATCH" else ""
    reply = client.call(method, path, body, media_type, dryRun="All")
    assert reply.status == (201 if method == "POST" else 200)
    if method != "DELETE":
        assert reply.body["data"] == coded(_dockerconfigjson='{"auths":{"x":{}}}')
    assert kube.revision == before
    assert client.post(SECRETS, pull_secret("a"), dryRun="All").status == 409


def test_another_dry_run_is_refused(client: Client) -> None:
    """Only `All` is known (meta/v1/validation)."""
    status, reason, message = client.post(SECRETS, pull_secret("a"), dryRun="x").refusal
    assert (status, reason) == (422, "Invalid")
    assert 'dryRun: Unsupported value: "x": supported values: "All"' in message


def test_a_lease_needs_a_version_and_can_be_put(client: Client) -> None:
    """AllowCreateOnUpdate, no unconditional update (pkg/registry/coordination/lease)."""
    body = {"metadata": {"name": "a"}, "spec": {"holderIdentity": "x"}}
    assert client.put(f"{LEASES}/a", body).status == 201
    said = (
        'Lease.coordination.k8s.io "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: '
        "must be specified for an update"
    )
    assert client.put(f"{LEASES}/a", body).refusal == (422, "Invalid", said)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/secrets"),
        ("POST", f"{SECRETS}/a"),
        ("PUT", "/api/v1/secrets/a"),
        ("DELETE", "/api/v1/namespaces"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("OPTIONS", f"{SECRETS}/a"),
    ],
)
def test_methods_that_make_no_sense_are_not_allowed(client: Client, method: str, path: str) -> None:
    """405."""
    assert client.call(method, path, {}).refusal[:2] == (405, "MethodNotAllowed")


@pytest.mark.parametrize("path", ["/api/v1/foos", "/apis/apps/v1/deployments", f"{SECRETS}/a/b"])
def test_unknown_resources_are_not_found(client: Client, path: str) -> None:
    """404 with a Status that names nothing."""
    said = "the server could not find the requested resource"
    assert client.get(path).refusal == (404, "NotFound", said)


def test_events_are_taken_in_both_groups(kube: KubernetesDouble, client: Client) -> None:
    """Each has its own form; the newer one demands more (core/validation/events.go)."""
    about = {"kind": "Secret", "name": "a", "namespace": "shop"}
    core = {"metadata": {"generateName": "a."}, "involvedObject": about, "reason": "X"}
    assert client.post("/api/v1/namespaces/shop/events", core).status == 201
    new = {
        "metadata": {"generateName": "a."},
        "regarding": about,
        "reason": "X",
        "action": "Y",
        "type": "Normal",
        "eventTime": "2026-03-01T12:00:00.000000Z",
        "reportingController": "x.example/y",
        "reportingInstance": "y-1",
    }
    path = "/apis/events.k8s.io/v1/namespaces/shop/events"
    assert client.post(path, new).status == 201
    lacking = client.post(path, {"metadata": {"name": "b"}, "regarding": about})
    assert {cause["field"] for cause in lacking.body["details"]["causes"]} == {
        "eventTime",
        "reportingController",
        "reportingInstance",
        "action",
        "reason",
        "type",
    }
    assert client.post("/api/v1/namespaces/default/events", core).status == 422
    assert len(kube.all("events", "shop")) == 1
