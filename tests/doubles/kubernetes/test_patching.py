"""Patches: merge, strategic merge, JSON patch."""

from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import (
    ACCOUNTS,
    JSON_PATCH,
    MERGE,
    SECRETS,
    STRATEGIC,
    Client,
    coded,
)


@pytest.mark.parametrize("media_type", [MERGE, STRATEGIC])
def test_a_merge_changes_what_it_names(client: Client, media_type: str) -> None:
    """Maps are merged, null removes (RFC 7386)."""
    metadata = {"name": "a", "labels": {"a": "1", "b": "2"}}
    client.post(SECRETS, {"metadata": metadata, "data": coded(x="1", y="2")})
    patch = {"data": {"x": None, "z": coded(z="3")["z"]}, "metadata": {"labels": {"a": "9"}}}
    body = client.patch(f"{SECRETS}/a", patch, media_type).body
    assert body["data"] == coded(y="2", z="3")
    assert body["metadata"]["labels"] == {"a": "9", "b": "2"}


@pytest.mark.parametrize("media_type", [MERGE, STRATEGIC])
def test_image_pull_secrets_are_replaced(
    kube: KubernetesDouble, client: Client, media_type: str
) -> None:
    """The list of a ServiceAccount is atomic for either patch, other than that of a Pod.

    https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/
    https://github.com/kubernetes/kubernetes/issues/91250
    """
    kube.add_service_account("a", "shop", ["x", "y"])
    client.patch(f"{ACCOUNTS}/a", {"imagePullSecrets": [{"name": "z"}]}, media_type)
    assert kube.pull_secrets("a", "shop") == ["z"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ([{"name": "z"}], ["x", "y", "z"]),
        ([{"name": "x", "$patch": "delete"}], ["y"]),
        ([{"$patch": "replace"}, {"name": "z"}], ["z"]),
        ([{"name": "y"}], ["x", "y"]),
    ],
)
def test_mountable_secrets_are_merged_by_name(
    kube: KubernetesDouble, client: Client, change: list[dict[str, str]], expected: list[str]
) -> None:
    """`secrets` of a ServiceAccount has the merge key `name` for a strategic patch."""
    kube.add_service_account("a", "shop", secrets=[{"name": "x"}, {"name": "y"}])
    patch = {"secrets": change, "$setElementOrder/secrets": [{"name": "x"}]}
    body = client.patch(f"{ACCOUNTS}/a", patch, STRATEGIC).body
    assert [one["name"] for one in body["secrets"]] == expected


def test_a_list_without_its_key_is_refused(kube: KubernetesDouble, client: Client) -> None:
    """400 for an entry of a merged list without a name."""
    kube.add_service_account("a", "shop")
    reply = client.patch(f"{ACCOUNTS}/a", {"secrets": [{"kind": "x"}]}, STRATEGIC)
    assert reply.refusal[:2] == (400, "BadRequest")


def test_finalizers_are_a_set(kube: KubernetesDouble, client: Client) -> None:
    """A strategic patch adds to them and takes from them."""
    kube.add_secret("a", "shop", metadata={"finalizers": ["x.example/a"]})
    more = {"metadata": {"finalizers": ["x.example/a", "x.example/b"]}}
    less = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.example/a"]}}
    client.patch(f"{SECRETS}/a", more, STRATEGIC)
    body = client.patch(f"{SECRETS}/a", less, STRATEGIC).body
    assert body["metadata"]["finalizers"] == ["x.example/b"]


@pytest.mark.parametrize(("directive", "expected"), [("replace", {"z": "1"}), ("delete", None)])
def test_directives_for_maps(
    kube: KubernetesDouble, client: Client, directive: str, expected: dict[str, str] | None
) -> None:
    """`$patch: replace` and `$patch: delete` put an end to what was there."""
    kube.add_secret("a", "shop", metadata={"labels": {"x": "1"}})
    patch = {"metadata": {"labels": {"$patch": directive, "z": "1"}}}
    body = client.patch(f"{SECRETS}/a", patch, STRATEGIC).body
    assert body["metadata"].get("labels") == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"op": "add", "path": "/imagePullSecrets/-", "value": {"name": "z"}}], ["x", "y", "z"]),
        ([{"op": "add", "path": "/imagePullSecrets/0", "value": {"name": "z"}}], ["z", "x", "y"]),
        ([{"op": "remove", "path": "/imagePullSecrets/0"}], ["y"]),
        ([{"op": "replace", "path": "/imagePullSecrets/1/name", "value": "z"}], ["x", "z"]),
        (
            [{"op": "move", "from": "/imagePullSecrets/0", "path": "/imagePullSecrets/1"}],
            ["y", "x"],
        ),
        (
            [{"op": "copy", "from": "/imagePullSecrets/0", "path": "/imagePullSecrets/-"}],
            ["x", "y", "x"],
        ),
        (
            [
                {"op": "test", "path": "/imagePullSecrets/0/name", "value": "x"},
                {"op": "remove", "path": "/imagePullSecrets"},
            ],
            [],
        ),
        ([{"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}}], ["x", "y"]),
    ],
)
def test_json_patches(
    kube: KubernetesDouble, client: Client, steps: list[dict[str, Any]], expected: list[str]
) -> None:
    """RFC 6902, step by step."""
    kube.add_service_account("a", "shop", ["x", "y"])
    assert client.patch(f"{ACCOUNTS}/a", steps, JSON_PATCH).status == 200
    assert kube.pull_secrets("a", "shop") == expected


@pytest.mark.parametrize(
    "steps",
    [
        [{"op": "test", "path": "/imagePullSecrets/0/name", "value": "z"}],
        [{"op": "remove", "path": "/imagePullSecrets/7"}],
        [{"op": "add", "path": "/imagePullSecrets/7", "value": {}}],
        [{"op": "add", "path": "/nowhere/x", "value": {}}],
        [{"op": "replace", "path": "/imagePullSecrets/x", "value": {}}],
        [{"op": "juggle", "path": "/imagePullSecrets"}],
        [{"op": "add", "path": "/imagePullSecrets/-"}],
        [{"op": "replace", "path": "/metadata", "value": "x"}],
        [{"op": "replace", "path": "", "value": []}],
    ],
)
def test_json_patches_that_do_not_fit(
    kube: KubernetesDouble, client: Client, steps: list[dict[str, Any]]
) -> None:
    """422, and nothing is changed, whatever step failed (handlers/patch.go)."""
    kube.add_service_account("a", "shop", ["x"])
    before = kube.revision
    first = {"op": "add", "path": "/imagePullSecrets/-", "value": {"name": "y"}}
    said = "the server rejected our request due to an error in our request"
    reply = client.patch(f"{ACCOUNTS}/a", [first, *steps], JSON_PATCH)
    assert reply.refusal == (422, "Invalid", said)
    assert kube.revision == before


@pytest.mark.parametrize(
    ("media_type", "document", "status"),
    [
        ("application/json", {}, 415),
        ("text/plain", {}, 415),
        (JSON_PATCH, {}, 400),
        (MERGE, b"{", 400),
        (MERGE, [], 422),
        (MERGE, {"metadata": {"name": "b"}}, 400),
        (MERGE, {"metadata": {"labels": {"x": 1}}}, 400),
        (MERGE, {"kind": "Pod"}, 400),
    ],
)
def test_patches_that_are_none(
    kube: KubernetesDouble, client: Client, media_type: str, document: Any, status: int
) -> None:
    """What the body is and what it says must be right."""
    kube.add_service_account("a", "shop")
    assert client.patch(f"{ACCOUNTS}/a", document, media_type).refusal[0] == status


def test_force_is_for_apply(kube: KubernetesDouble, client: Client) -> None:
    """422 about PatchOptions for other patches (meta/v1/validation)."""
    kube.add_service_account("a", "shop")
    said = (
        'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: '
        "may not be specified for non-apply patch"
    )
    assert client.patch(f"{ACCOUNTS}/a", {}, force="true").refusal == (422, "Invalid", said)
