"""Server-side apply, and who owns what.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from typing import Any

import pytest

from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble
from tests.doubles.kubernetes.conftest import (
    ACCOUNTS,
    APPLY,
    MERGE,
    SECRETS,
    Client,
    Reply,
    coded,
)

PATH = f"{SECRETS}/a"


def wanted(**fields: Any) -> dict[str, Any]:
    """Return an apply configuration of a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, **fields}


def apply(client: Client, manager: str = "me", *, force: bool = False, **fields: Any) -> Reply:
    """Apply a Secret."""
    query = {"fieldManager": manager, **({"force": "true"} if force else {})}
    return client.patch(PATH, wanted(**fields), APPLY, **query)


def owners(body: Any) -> dict[tuple[str, str], Any]:
    """Return who owns what."""
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in body["metadata"]["managedFields"]
    }


def test_apply_creates_what_is_missing(client: Client) -> None:
    """201, and the applier owns what it named; the default type is nobody's."""
    reply = apply(client, data=coded(x="1"))
    assert (reply.status, reply.body["type"]) == (201, "Opaque")
    assert owners(reply.body) == {("me", "Apply"): {"f:data": {".": {}, "f:x": {}}}}


def test_applying_the_same_again_changes_nothing(client: Client, clock: FakeClock) -> None:
    """200 with the very same object."""
    first = apply(client, data=coded(x="1"))
    clock.advance(60)
    assert apply(client, data=coded(x="1")).content == first.content


def test_a_conflict_names_owner_and_field(kube: KubernetesDouble, client: Client) -> None:
    """409 with one cause for each field (managedfields/internal/conflict.go)."""
    kube.add_secret("a", "shop", {"x": b"1"}, type_="Opaque")
    reply = apply(client, data=coded(x="2"))
    said = 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x'
    assert reply.refusal == (409, "Conflict", said)
    assert reply.body["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using v1',
            "field": ".data.x",
        }
    ]
    assert kube.secret("a", "shop") == {"x": b"1"}


def test_several_conflicts_are_listed(kube: KubernetesDouble, client: Client) -> None:
    """By manager, each with its fields; an applier is named without a version."""
    kube.add_secret("a", "shop", {"x": b"1", "y": b"1"}, type_="Opaque")
    apply(client, "other", data=coded(z="1"))
    reply = apply(client, data=coded(x="2", y="2", z="2"))
    assert reply.refusal[2] == (
        "Apply failed with 3 conflicts: "
        'conflicts with "kubectl-edit" using v1:\n- .data.x\n- .data.y\n'
        'conflicts with "other":\n- .data.z'
    )


def test_force_takes_the_field(kube: KubernetesDouble, client: Client) -> None:
    """The other owner loses it and keeps the rest."""
    kube.add_secret("a", "shop", {"x": b"1", "y": b"1"}, type_="Opaque")
    body = apply(client, force=True, data=coded(x="2")).body
    assert body["data"] == coded(x="2", y="1")
    assert owners(body) == {
        ("me", "Apply"): {"f:data": {".": {}, "f:x": {}}},
        ("kubectl-edit", "Update"): {"f:data": {".": {}, "f:y": {}}, "f:type": {}},
    }


def test_the_same_value_is_shared(kube: KubernetesDouble, client: Client) -> None:
    """Two may own a field that both want alike, and then neither's leaving removes it."""
    kube.add_secret("a", "shop", {"x": b"1"}, type_="Opaque")
    apply(client, data=coded(x="1"))
    apply(client)
    assert kube.secret("a", "shop") == {"x": b"1"}


def test_what_is_no_longer_wanted_goes(client: Client) -> None:
    """A field that only this applier owned is removed with the map that is empty then."""
    apply(client, metadata={"name": "a", "labels": {"l": "1"}}, data=coded(x="1", y="2"))
    body = apply(client, data=coded(y="2")).body
    assert body["data"] == coded(y="2")
    assert "labels" not in body["metadata"]


def test_an_update_takes_ownership(client: Client) -> None:
    """Who changes a value owns it; the applier before does not (#field-management)."""
    apply(client, data=coded(x="1", y="1"))
    body = client.patch(PATH, {"data": coded(x="2")}, MERGE, fieldManager="editor").body
    assert owners(body) == {
        ("me", "Apply"): {"f:data": {".": {}, "f:y": {}}},
        ("editor", "Update"): {"f:data": {"f:x": {}}},
    }
    assert apply(client, data=coded(x="1", y="1")).status == 409


def test_a_list_is_owned_as_a_whole(kube: KubernetesDouble, client: Client) -> None:
    """The field imagePullSecrets is atomic: two appliers can't both add to it."""
    kube.add_service_account("a", "shop", ["x"])
    body = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a"},
        "imagePullSecrets": [{"name": "y"}],
    }
    reply = client.patch(f"{ACCOUNTS}/a", body, APPLY, fieldManager="me")
    assert reply.body["details"]["causes"][0]["field"] == ".imagePullSecrets"


def test_apply_can_be_conditional(kube: KubernetesDouble, client: Client) -> None:
    """A resourceVersion in the configuration must be the latest one."""
    version = apply(client, data=coded(x="1")).body["metadata"]["resourceVersion"]
    metadata = {"name": "a", "resourceVersion": version}
    assert apply(client, metadata=metadata, data=coded(x="2")).status == 200
    assert apply(client, metadata=metadata, data=coded(x="3")).refusal[:2] == (409, "Conflict")
    assert kube.secret("a", "shop") == {"x": b"2"}


def test_apply_reads_yaml(client: Client) -> None:
    """JSON is a part of it."""
    text = b"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {x: MQ==}\n"
    assert client.patch(PATH, text, APPLY, fieldManager="me").body["data"] == coded(x="1")
    assert client.patch(PATH, b"{[", APPLY, fieldManager="me").refusal[0] == 400


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"metadata": {"name": "a"}}, 400, "invalid object type: /, Kind="),
        (wanted(metadata={"managedFields": [{}]}), 400, "metadata.managedFields must be nil"),
        (wanted(datum={}), 400, 'unknown field "datum"'),
        (wanted(metadata={"name": "b"}), 400, "does not match the name on the URL"),
    ],
)
def test_configurations_that_are_none(
    client: Client, document: Any, status: int, said: str
) -> None:
    """Refused before anything is looked at."""
    reply = client.patch(PATH, document, APPLY, fieldManager="me")
    assert reply.refusal[0] == status
    assert said in reply.refusal[2]


def test_apply_needs_a_manager(client: Client) -> None:
    """422 about PatchOptions (meta/v1/validation)."""
    said = (
        'PatchOptions.meta.k8s.io "" is invalid: '
        "fieldManager: Required value: is required for apply patch"
    )
    assert client.patch(PATH, wanted(), APPLY).refusal == (422, "Invalid", said)


def test_types_stay_as_they_are(kube: KubernetesDouble, client: Client) -> None:
    """An applier that names no type keeps the one that is there; another one is 422."""
    kube.add_secret("a", "shop")
    assert apply(client, metadata={"name": "a", "labels": {"l": "1"}}).status == 200
    assert apply(client, force=True, type="Opaque").refusal[0] == 422
