"""Names, labels, annotations, owners, and what other types demand.

Sources: k8s.io/apimachinery, pkg/util/validation and pkg/api/validation; pkg/apis/coordination.
"""

from typing import Any

import pytest

from tests.doubles.kubernetes.conftest import (
    LEASES,
    SECRETS,
    Client,
)


def message(client: Client, body: Any) -> str:
    """Return what 422 says after the name."""
    status, reason, said = client.post(SECRETS, body).refusal
    assert (status, reason) == (422, "Invalid")
    return str(said).partition(" is invalid: ")[2]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("a", True),
        ("a-b.c-d", True),
        ("1a", True),
        ("a" * 253, True),
        ("a" * 254, False),
        ("A", False),
        ("a_b", False),
        ("-a", False),
        ("a-", False),
        ("a..b", False),
        ("a.-b", False),
        ("ä", False),
        ("a\n", False),
        ("", False),
    ],
)
def test_names_are_subdomains(client: Client, name: str, *, right: bool) -> None:
    """RFC 1123; no name at all is "Required value"."""
    reply = client.post(SECRETS, {"metadata": {"name": name}})
    assert reply.status == (201 if right else 422)
    if not name:
        said = "metadata.name: Required value: name or generateName is required"
        assert said in reply.body["message"]


@pytest.mark.parametrize(("name", "right"), [("a" * 63, True), ("a" * 64, False), ("a.b", False)])
def test_namespaces_are_labels(client: Client, name: str, *, right: bool) -> None:
    """Without dots, and shorter."""
    reply = client.post("/api/v1/namespaces", {"metadata": {"name": name}})
    assert reply.status == (201 if right else 422)


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("a", "", True),
        ("a.example/b_C.d", "X-y_z.1", True),
        ("a", "x" * 63, True),
        ("a", "x" * 64, False),
        ("a", "x y", False),
        ("a", "2026-03-01T12:00:00Z", False),
        ("a b", "x", False),
        ("/a", "x", False),
        ("A.example/b", "x", False),
        ("a/b/c", "x", False),
        ("a/", "x", False),
        ("x" * 64, "x", False),
        ("", "x", False),
    ],
)
def test_labels(client: Client, key: str, value: str, *, right: bool) -> None:
    """A time is no label value: of colons there is no mention."""
    reply = client.post(SECRETS, {"metadata": {"name": "a", "labels": {key: value}}})
    assert reply.status == (201 if right else 422)


@pytest.mark.parametrize(
    ("annotations", "right"),
    [
        ({"a.example/b": "2026-03-01T12:00:00Z ünïcode\n"}, True),
        ({"A.example/b": "x"}, True),
        ({"a b": "x"}, False),
        ({"a": "x" * (256 * 1024 - 1)}, True),
        ({"a": "x" * (256 * 1024)}, False),
    ],
)
def test_annotations(client: Client, annotations: dict[str, str], *, right: bool) -> None:
    """Their values are free, up to 256 KiB in all."""
    reply = client.post(SECRETS, {"metadata": {"name": "a", "annotations": annotations}})
    assert reply.status == (201 if right else 422)


def test_owners_are_whole(client: Client) -> None:
    """An owner reference without a uid is refused."""
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "x"}
    body = {"metadata": {"name": "a", "ownerReferences": [owner]}}
    said = message(client, body)
    assert said == 'metadata.ownerReferences.uid: Invalid value: "": uid must not be empty'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-03-01T12:00:00.123456Z", "2026-03-01T12:00:00.123456Z"),
        ("2026-03-01T14:00:00.000000+02:00", "2026-03-01T12:00:00.000000Z"),
        ("2026-03-01T12:00:00Z", None),
        ("2026-03-01T12:00:00.123Z", None),
        ("2026-03-01 12:00:00.123456Z", None),
        (1772366400, None),
    ],
)
def test_times_of_a_lease_have_six_digits(client: Client, text: object, kept: str | None) -> None:
    """MicroTime takes no others (apimachinery, pkg/apis/meta/v1/micro_time.go)."""
    body = {"metadata": {"name": "a"}, "spec": {"renewTime": text, "acquireTime": None}}
    reply = client.post(LEASES, body)
    if kept is None:
        assert reply.refusal[:2] == (400, "BadRequest")
    else:
        assert reply.body["spec"] == {"renewTime": kept}


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"leaseDurationSeconds": 15, "leaseTransitions": 0}, 201),
        ({"leaseDurationSeconds": 0}, 422),
        ({"leaseTransitions": -1}, 422),
        ({"leaseDurationSeconds": 1.5}, 400),
        ({"leaseDurationSeconds": "15"}, 400),
    ],
)
def test_numbers_of_a_lease(client: Client, spec: dict[str, Any], status: int) -> None:
    """Whole, and not negative (pkg/apis/coordination/validation)."""
    assert client.post(LEASES, {"metadata": {"name": "a"}, "spec": spec}).status == status


@pytest.mark.parametrize("field", ["secrets", "imagePullSecrets"])
@pytest.mark.parametrize("value", [{}, ["x"], "x"])
def test_references_are_lists_of_objects(client: Client, field: str, value: object) -> None:
    """400 otherwise."""
    body = {"metadata": {"name": "a"}, field: value}
    assert client.post("/api/v1/namespaces/shop/serviceaccounts", body).status == 400
