"""What a write changes in a namespace, and what it leaves."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from lightkube.resources.core_v1 import Secret

from refresher.model.credential import NEVER, UNKNOWN, Expiry
from refresher.model.plan import Absent
from refresher.ports import Change, Written
from tests.doubles.kubernetes import Fault, KubernetesDouble
from tests.doubles.kubernetes.message import Answer
from tests.sinks.kubernetes import keyring
from tests.sinks.kubernetes.cluster import KEY, NAME, TYPE, Cluster, entry
from tests.sinks.kubernetes.conftest import (
    ISSUED,
    QUAY,
    MakeSink,
    changes,
    credential,
    foreign,
    refused,
    value,
    written,
)

MARK = "refresher.github.io/credentials"
LABEL = "app.kubernetes.io/managed-by"
ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


def test_a_secret_is_made_where_there_is_none(cluster: Cluster, make: MakeSink) -> None:
    """Of the type and the form that the kubelet reads, and a pod finds the credential."""
    namespace = cluster.add()
    made = make()
    made.read([QUAY, "docker.io", ECR])
    notes = written(made.write(namespace, changes(QUAY, "docker.io", ECR)))
    assert notes == (f"namespace {namespace}: made Secret {NAME}",)
    secret = cluster.secret(namespace)
    assert secret is not None
    assert (secret["type"], list(secret["data"])) == (TYPE, [KEY])
    for image in ("nginx", "quay.io/acme/app", f"{ECR}/app"):
        assert keyring.pulled(secret, image) == [("AWS", "new-secret")]


@pytest.mark.parametrize(
    ("expires", "told"),
    [
        (ISSUED + timedelta(hours=12), "2026-03-02T00:00:00Z"),
        (NEVER, "never"),
        (UNKNOWN, "unknown"),
    ],
    ids=str,
)
def test_a_secret_shows_whose_it_is(
    cluster: Cluster, make: MakeSink, expires: Expiry, told: str
) -> None:
    """By a label, and by the times of each credential; no secret is in its metadata."""
    namespace = cluster.add()
    given = credential("canary-secret", expires=expires)
    written(make().write(namespace, [Change(QUAY, given)]))
    secret = cluster.secret(namespace)
    assert secret is not None
    metadata = secret["metadata"]
    assert metadata["labels"] == {LABEL: "refresher"}
    times = json.loads(metadata["annotations"].pop(MARK))
    assert times == {QUAY: {"issued": "2026-03-01T12:00:00Z", "expires": told}}
    assert metadata["annotations"] == {}
    assert "canary" not in json.dumps(metadata)
    assert base64.b64encode(b"canary-secret").decode() not in json.dumps(metadata)


def test_a_renewal_changes_a_secret_in_place(cluster: Cluster, make: MakeSink) -> None:
    """It stays the same object, and other credentials of ours stay in it."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes(QUAY, "b.example", secret="old")))
    before = cluster.secret(namespace)
    made.read([QUAY])
    assert written(made.write(namespace, changes(QUAY))) == ()
    after = cluster.secret(namespace)
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    assert cluster.password(namespace) == "new-secret"
    assert cluster.password(namespace, "b.example") == "old"
    assert set(json.loads(after["metadata"]["annotations"][MARK])) == {QUAY, "b.example"}


def test_what_is_right_is_not_written(cluster: Cluster, make: MakeSink) -> None:
    """Not even by somebody who knows nothing of it."""
    namespace = cluster.add()
    written(make().write(namespace, changes()))
    before = cluster.version(namespace)
    other = make()
    assert other.write(namespace, changes()) == Written()
    assert other.read([QUAY])[namespace] == {QUAY: value()}
    assert cluster.version(namespace) == before


def test_a_secret_of_somebody_else_is_left_alone(cluster: Cluster, make: MakeSink) -> None:
    """It is told at a look, and again at a write."""
    namespace = cluster.add()
    cluster.add_secret(namespace, {"b.example": entry("u", "p")})
    before = cluster.version(namespace)
    made = make()
    reason = foreign(made.read([QUAY])[namespace][QUAY])  # type: ignore[index]
    assert f"Secret {namespace}/{NAME}: somebody else made it: set adopt to true" in reason
    assert "set adopt to true" in refused(made.write(namespace, changes()))
    assert "set adopt to true" in refused(make().write(namespace, changes()))
    assert cluster.version(namespace) == before


def test_an_adopted_secret_keeps_what_it_holds(cluster: Cluster, make: MakeSink) -> None:
    """Entries, other data, labels, annotations, owners; the label stays its maker's."""
    namespace = cluster.add()
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1-2"}
    kept = {
        "labels": {LABEL: "Helm", "team": "a"},
        "annotations": {"note": "b"},
        "ownerReferences": [owner],
        "finalizers": ["example.com/kept"],
    }
    auths = {"b.example": {**entry("u", "p"), "email": "a@b.example"}}
    more = {"other": base64.b64encode(b"kept").decode()}
    data = {KEY: base64.b64encode(json.dumps({"auths": auths, "x": 1}).encode()).decode(), **more}
    cluster.add_secret(namespace, metadata=kept, data=data)
    made = make(adopt=True)
    try:
        assert made.read([QUAY])[namespace] == {QUAY: Absent()}
        written(made.write(namespace, changes()))
        after = cluster.secret(namespace)
        assert after is not None
        metadata = after["metadata"]
        assert metadata["annotations"].pop(MARK)
        assert {key: metadata[key] for key in kept} == kept
        assert cluster.auths(namespace)["b.example"] == auths["b.example"]
        assert after["data"]["other"] == more["other"]
        assert cluster.password(namespace) == "new-secret"
        # What was adopted once stays so.
        assert make().read([QUAY])[namespace] == {QUAY: value()}
    finally:
        patch = {"metadata": {"finalizers": None}}
        cluster.client.patch(Secret, NAME, patch, namespace=namespace)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "Opaque"}, "its type is Opaque, which can't be changed"),
        (
            {"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "e30="}},
            "its type is kubernetes.io/dockercfg",
        ),
        ({"immutable": True}, "it is immutable"),
        (
            {"metadata": {"annotations": {"secret.user.cattle.io/secret": "true"}}},
            "a copy that Rancher 2 makes",
        ),
        (
            {
                "metadata": {
                    "labels": {"management.cattle.io/project-scoped-secret": "p-1"},
                    "annotations": {"management.cattle.io/project-scoped-secret-copy": "true"},
                }
            },
            "a copy that Rancher 2 makes",
        ),
        (
            {"metadata": {"labels": {"management.cattle.io/rancher-managed-pull-secret": "true"}}},
            "a copy that Rancher 2 makes",
        ),
        ({"data": {KEY: base64.b64encode(b'{"auths": "x"}').decode()}}, "its auths is no object"),
        (
            {"data": {KEY: base64.b64encode(b'{"auths": {"b": {"auth": "x"}}}').decode()}},
            "its entry of b keeps the kubelet from reading any: correct or remove",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_not_be_ours_is_told_even_to_who_adopts(
    cluster: Cluster, make: MakeSink, fields: dict[str, Any], words: str
) -> None:
    """It stays as it is, and the other namespaces are supplied."""
    namespace, other = cluster.add(), cluster.add("other")
    cluster.add_secret(namespace, **fields)
    before = cluster.version(namespace)
    made = make(adopt=True)
    held = made.read([QUAY])
    assert words in foreign(held[namespace][QUAY])  # type: ignore[index]
    assert words in refused(made.write(namespace, changes()))
    assert cluster.version(namespace) == before
    written(made.write(other, changes()))


@pytest.mark.parametrize(
    "content", [b'{"auths": "x"}', b'{"auths": {"b": {"auth": "x"}}}', b"{}", b"null"], ids=str
)
def test_what_somebody_broke_in_ours_is_repaired(
    cluster: Cluster, make: MakeSink, content: bytes
) -> None:
    """Nobody else has anything in it."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes()))
    data = {KEY: base64.b64encode(content).decode()}
    cluster.client.patch(Secret, NAME, {"data": data}, namespace=namespace)
    assert made.read([QUAY])[namespace] == {QUAY: Absent()}
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"


def test_what_somebody_overwrote_is_told_by_their_name(cluster: Cluster, make: MakeSink) -> None:
    """So people find who fights with us."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes()))
    patch = {"data": {KEY: base64.b64encode(b'{"auths":{}}').decode()}}
    cluster.client.patch(Secret, NAME, patch, namespace=namespace, field_manager="the-other-one")
    assert made.read([QUAY])[namespace] == {QUAY: Absent()}
    notes = written(made.write(namespace, changes()))
    assert notes == (f"namespace {namespace}: the-other-one had written Secret {NAME}",)
    made.read([QUAY])
    assert written(made.write(namespace, changes(secret="next"))) == ()


def test_a_secret_that_vanished_is_made_again(cluster: Cluster, make: MakeSink) -> None:
    """Also one that vanished after the look."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes()))
    made.read([QUAY])
    cluster.delete_secret(namespace)
    written(made.write(namespace, changes(secret="next")))
    assert cluster.password(namespace) == "next"


def test_a_secret_that_appeared_since_is_joined(cluster: Cluster, make: MakeSink) -> None:
    """Another run made it between our look and our write."""
    namespace = cluster.add()
    made, other = make(), make()
    made.read([QUAY])
    written(other.write(namespace, changes("b.example", secret="theirs")))
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"
    assert cluster.password(namespace, "b.example") == "theirs"


def test_a_change_since_the_look_is_kept(cluster: Cluster, make: MakeSink) -> None:
    """The write is made again on what is there now."""
    namespace = cluster.add()
    made, other = make(), make()
    written(made.write(namespace, changes(secret="old")))
    made.read([QUAY])
    written(other.write(namespace, changes("b.example", secret="theirs")))
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"
    assert cluster.password(namespace, "b.example") == "theirs"


def test_each_registry_may_have_a_secret_of_its_own(cluster: Cluster, make: MakeSink) -> None:
    """One that fails hides no other."""
    namespace = cluster.add()
    cluster.add_secret(namespace, name="pull-b.example")
    made = make(secret="pull-{registry}")
    held = made.read([QUAY, "b.example", "c.example:5000"])[namespace]
    assert foreign(held["b.example"])  # type: ignore[index]
    reason = refused(made.write(namespace, changes(QUAY, "b.example", "c.example:5000")))
    assert f"Secret {namespace}/pull-b.example" in reason
    assert cluster.password(namespace, QUAY, "pull-quay.io") == "new-secret"
    assert cluster.password(namespace, "c.example:5000", "pull-c.example-5000") == "new-secret"
    assert cluster.auths(namespace, "pull-b.example") == {}


def test_what_is_too_large_is_not_sent(cluster: Cluster, make: MakeSink) -> None:
    """A person has to act: nothing that we could send would do."""
    namespace, other = cluster.add(), cluster.add("other")
    cluster.add_secret(
        namespace, data={KEY: "e30=", "x": base64.b64encode(b"x" * 1_048_570).decode()}
    )
    before = cluster.version(namespace)
    made = make(adopt=True)
    made.read([QUAY])
    reason = refused(made.write(namespace, changes()))
    assert "would hold 10" in reason
    assert "Kubernetes keeps 1048576: set secret to another name" in reason
    assert cluster.version(namespace) == before
    huge = "x" * 800_000
    assert "would hold" in refused(made.write(other, changes(secret=huge)))
    assert cluster.secret(other) is None


def test_an_empty_value_may_be_null(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """So Go writes bytes that are not there; it stays, and ours is put beside it."""
    namespace = cluster.add()
    cluster.add_secret(namespace, data={KEY: "e30=", "x": ""})
    found = cluster.secret(namespace)
    assert found is not None
    found["data"]["x"] = None
    page = {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [found]}
    kube.fail(Fault(Answer.of(page)), verb="list", resource="secrets")
    made = make(adopt=True)
    assert made.read([QUAY])[namespace] == {QUAY: Absent()}
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"


def test_other_namespaces_are_none_of_ours(cluster: Cluster, make: MakeSink) -> None:
    """A write at one is refused."""
    namespace = cluster.add("a")
    reason = refused(make(namespaces=f"{cluster.prefix}-b").write(namespace, changes()))
    assert f"{namespace} is no target of this sink" in reason
    assert cluster.secret(namespace) is None


def test_no_moment_is_without_a_secret(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Over many renewals nothing is ever deleted."""
    namespace = cluster.add()
    made = make()
    for number in range(100):
        made.read([QUAY])
        written(made.write(namespace, changes(secret=f"secret-{number}")))
    assert cluster.password(namespace) == "secret-99"
    assert kube.asked(method="DELETE") == []
    verbs = [each.verb for each in kube.asked(resource="secrets") if each.writes]
    assert verbs == ["create", *["update"] * 99]
