"""Namespaces that end, quotas, webhooks."""

import pytest

from tests.doubles.kubernetes import ApiError, Denial, KubernetesDouble, Review
from tests.doubles.kubernetes.conftest import (
    APPLY,
    LEASES,
    MERGE,
    SECRETS,
    Client,
    Connect,
    pull_secret,
)


def test_a_missing_namespace_is_not_found(client: Client) -> None:
    """404 about the namespace, by POST and by apply (NamespaceLifecycle)."""
    path = "/api/v1/namespaces/nowhere/secrets"
    said = 'namespaces "nowhere" not found'
    assert client.post(path, pull_secret("a")).refusal == (404, "NotFound", said)
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    reply = client.patch(f"{path}/a", body, APPLY, fieldManager="me")
    assert reply.refusal == (404, "NotFound", said)
    assert reply.body["details"] == {"name": "nowhere", "kind": "namespaces"}


def test_a_terminating_namespace_takes_nothing_new(kube: KubernetesDouble, client: Client) -> None:
    """403 with a cause of its own; what is there can be changed and deleted."""
    kube.add_secret("old", "shop")
    kube.terminate("shop")
    reply = client.post(SECRETS, pull_secret("a"))
    said = (
        'secrets "a" is forbidden: unable to create new content in namespace shop '
        "because it is being terminated"
    )
    assert reply.refusal == (403, "Forbidden", said)
    assert reply.body["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace shop is being terminated",
            "field": "metadata.namespace",
        }
    ]
    assert client.put(f"{SECRETS}/old", pull_secret("old", "{}")).status == 200
    assert client.delete(f"{SECRETS}/old").status == 200
    assert client.post(LEASES, {"metadata": {"name": "a"}}).status == 403


def test_a_namespace_comes_to_its_end(kube: KubernetesDouble, client: Client) -> None:
    """Deleted, it is Terminating; its contents go before it."""
    kube.add_secret("a", "shop")
    watch = client.watch("/api/v1/namespaces", resourceVersion=kube.revision)
    secrets = client.watch("/api/v1/secrets", resourceVersion=kube.revision)
    kube.terminate("shop")
    type_, body = watch.next()
    assert (type_, body["status"], body["spec"]) == (
        "MODIFIED",
        {"phase": "Terminating"},
        {"finalizers": ["kubernetes"]},
    )
    assert "deletionTimestamp" in body["metadata"]
    assert secrets.quiet()
    kube.finish("shop")
    assert watch.names(1) == [("DELETED", "shop")]
    assert secrets.names(1) == [("DELETED", "a")]


def test_delete_ends_a_namespace_at_once(kube: KubernetesDouble, client: Client) -> None:
    """As `Rules.finish` says; the answer is the namespace, Terminating."""
    body = client.delete("/api/v1/namespaces/shop").body
    assert (body["kind"], body["status"]["phase"]) == ("Namespace", "Terminating")
    assert kube.get("namespaces", "shop") is None
    assert client.get(f"{SECRETS}").body["items"] == []


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_are_immortal(client: Client, name: str) -> None:
    """403 (NewLifecycle)."""
    said = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert client.delete(f"/api/v1/namespaces/{name}").refusal == (403, "Forbidden", said)


def test_a_new_namespace_is_furnished(kube: KubernetesDouble, client: Client) -> None:
    """With a label of its name, an Active phase and the account `default`."""
    body = {"metadata": {"name": "team", "labels": {"env": "prod"}}, "status": {"phase": "x"}}
    kept = client.post("/api/v1/namespaces", body).body
    assert kept["metadata"]["labels"] == {"env": "prod", "kubernetes.io/metadata.name": "team"}
    assert kept["status"] == {"phase": "Active"}
    assert kube.get("serviceaccounts", "default", "team") is not None
    assert kube.pull_secrets("default", "team") == []


def test_parts_of_a_namespace_change_alone(kube: KubernetesDouble, client: Client) -> None:
    """PUT keeps its status; `status` and `finalize` change nothing else."""
    path = "/api/v1/namespaces/shop"
    body = client.get(path).body
    body |= {"status": {"phase": "Terminating"}, "spec": {}}
    body["metadata"]["labels"] = {"x": "y"}
    main = client.put(path, body).body
    assert (main["status"], main["spec"]) == ({"phase": "Active"}, {"finalizers": ["kubernetes"]})
    patched = client.patch(f"{path}/status", {"status": {"phase": "Terminating"}}, MERGE).body
    assert patched["status"] == {"phase": "Terminating"}
    kube.terminate("shop")
    final = client.get(path).body | {"spec": {}}
    assert client.put(f"{path}/finalize", final).status == 200
    assert client.get(path).status == 404


@pytest.mark.parametrize("counts", ["secrets", "count/secrets"])
def test_a_quota_limits_a_namespace(kube: KubernetesDouble, client: Client, counts: str) -> None:
    """403 for what is too much; updates are free."""
    kube.quota("shop", 1, counts)
    kube.add_namespace("other")
    assert client.post(SECRETS, pull_secret("a")).status == 201
    said = (
        f'secrets "b" is forbidden: exceeded quota: quota, requested: {counts}=1, '
        f"used: {counts}=1, limited: {counts}=1"
    )
    assert client.post(SECRETS, pull_secret("b")).refusal == (403, "Forbidden", said)
    assert client.put(f"{SECRETS}/a", pull_secret("a", "{}")).status == 200
    assert client.post("/api/v1/namespaces/other/secrets", pull_secret("b")).status == 201
    kube.quota("shop", 2, counts)
    assert client.post(SECRETS, pull_secret("b")).status == 201
    assert client.post(LEASES, {"metadata": {"name": "a"}}).status == 201


@pytest.mark.parametrize(
    ("denial", "status", "reason", "said"),
    [
        (Denial("no", 403, "Forbidden"), 403, "Forbidden", ": no"),
        (Denial(reason="Teapot", code=418), 418, "Teapot", ": Teapot"),
        (Denial(), 400, "", " without explanation"),
        (Denial("no", 200), 400, "", ": no"),
    ],
)
def test_a_webhook_denies(
    kube: KubernetesDouble, client: Client, denial: Denial, *, status: int, reason: str, said: str
) -> None:
    """In its own words (admission/plugin/webhook/errors/statuserror.go)."""
    webhook = kube.webhook("policy.example", lambda review: denial if review.name == "a" else None)
    message = f'admission webhook "policy.example" denied the request{said}'
    assert client.post(SECRETS, pull_secret("a")).refusal == (status, reason, message)
    assert client.post(SECRETS, pull_secret("b")).status == 201
    kube.remove_webhook(webhook)
    assert client.post(SECRETS, pull_secret("a")).status == 201


def test_a_webhook_sees_every_write(kube: KubernetesDouble, connect: Connect) -> None:
    """Who does what to which object, deletes and dry runs too."""
    seen: list[Review] = []
    kube.webhook("audit.example", seen.append)
    client = connect(kube.admin())
    client.post(SECRETS, pull_secret("a"), dryRun="All")
    client.post(SECRETS, pull_secret("a"))
    client.patch(f"{SECRETS}/a", {})
    client.delete(f"{SECRETS}/a")
    operations = ["CREATE", "CREATE", "UPDATE", "DELETE"]
    assert [review.operation for review in seen] == operations
    assert {(one.namespace, one.name, one.user) for one in seen} == {
        ("shop", "a", "kubernetes-admin")
    }
    assert "dockerconfigjson" not in repr(seen)


def test_a_webhook_may_change_what_is_written(kube: KubernetesDouble, client: Client) -> None:
    """The answer shows it, and so does what is kept."""

    def label(review: Review) -> None:
        review.body["metadata"].setdefault("labels", {})["touched"] = "yes"

    kube.webhook("mutate.example", label)
    body = client.post(SECRETS, pull_secret("a")).body
    assert body["metadata"]["labels"] == {"touched": "yes"}


def test_hands_are_refused_like_clients(kube: KubernetesDouble) -> None:
    """A test that sets up nonsense hears of it."""
    with pytest.raises(ApiError, match="already exists"):
        kube.add_namespace("shop")
