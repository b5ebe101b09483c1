"""Taking back what was put into a namespace."""

import base64
import json
from typing import Any

import pytest

from refresher.sinks.kubernetes.marks import ANNOTATION, LABEL
from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble, rule
from tests.doubles.kubernetes.faults import internal_error, reset, status
from tests.sinks.kubernetes.cluster import KEY, NAME, Cluster, encoded, entry
from tests.sinks.kubernetes.conftest import (
    QUAY,
    MakeSink,
    busy,
    changes,
    refused,
    sink,
    written,
)

OTHER = "other.example"
ADOPT = {"adopt": True}
DEFAULT = {"service_accounts": "default"}


def conflict() -> Any:
    """Somebody else was faster."""
    return status(409, "Conflict", "the object has been modified")


def test_a_secret_of_ours_goes_after_the_accounts_have_lost_it(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """The accounts keep what else they pull with, in its order."""
    shop = cluster.add()
    cluster.set_pulls(shop, "default", ["first", "last"])
    made = make(**DEFAULT)
    written(made.write(shop, changes()))
    made.read([QUAY])
    kube.forget()
    notes = written(made.retire(shop, [QUAY]))
    assert notes == (
        f"namespace {shop}: service account default no longer pulls with {NAME}",
        f"namespace {shop}: deleted Secret {NAME}",
    )
    assert cluster.secret(shop) is None
    assert cluster.pulls(shop) == ["first", "last"]
    assert [(each.verb, each.resource) for each in kube.asked() if each.writes] == [
        ("patch", "serviceaccounts"),
        ("delete", "secrets"),
    ]


def test_nothing_is_written_where_nothing_is_ours(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Neither a namespace without the Secret nor one that has somebody else's is changed."""
    empty, theirs = cluster.add("empty"), cluster.add("theirs")
    cluster.add_secret(theirs, {QUAY: entry("them", "secret")})
    cluster.set_pulls(theirs, "default", [NAME])
    kube.forget()
    made = make(**DEFAULT)
    assert written(made.retire(empty, [QUAY])) == ()
    (note,) = written(made.retire(theirs, [QUAY]))
    assert note == f"namespace {theirs}: Secret {NAME} is not ours, and stays"
    assert not any(each.writes for each in kube.asked())
    assert cluster.pulls(theirs) == [NAME]


@pytest.mark.parametrize(
    "mark", ["management.cattle.io/project-scoped-secret-copy", "secret.user.cattle.io/secret"]
)
def test_copies_of_rancher_are_not_ours(cluster: Cluster, make: MakeSink, mark: str) -> None:
    """Though our marks are copied, too."""
    shop = cluster.add()
    cluster.add_secret(
        shop,
        metadata={"labels": {LABEL: "refresher"}, "annotations": {ANNOTATION: "{}", mark: "true"}},
    )
    (note,) = written(make().retire(shop, [QUAY]))
    assert "is not ours, and stays" in note
    assert cluster.secret(shop) is not None


def test_a_secret_of_another_type_is_not_ours(cluster: Cluster, make: MakeSink) -> None:
    """Whoever made it anew kept our label."""
    shop = cluster.add()
    labels = {"labels": {LABEL: "refresher"}}
    cluster.add_secret(shop, type="Opaque", metadata=labels)
    assert "is not ours, and stays" in written(make().retire(shop, [QUAY]))[0]


def test_an_adopted_secret_loses_our_entries_alone(cluster: Cluster, make: MakeSink) -> None:
    """Its other entries, labels and annotations stay, and accounts go on pulling with it."""
    shop = cluster.add()
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    cluster.add_secret(shop, {OTHER: entry("them", "secret")}, metadata=metadata)
    made = make(**ADOPT, **DEFAULT)
    written(made.write(shop, changes()))
    made.read([QUAY])
    (note,) = written(made.retire(shop, [QUAY, OTHER]))
    assert f"took our entries out of Secret {NAME}" in note
    secret = cluster.secret(shop)
    assert secret is not None
    assert cluster.auths(shop) == {OTHER: entry("them", "secret")}
    assert secret["metadata"]["labels"] == {"a": "b"}
    assert secret["metadata"]["annotations"] == {"c": "d"}
    assert cluster.pulls(shop) == [NAME]
    assert "is not ours" in written(made.retire(shop, [QUAY, OTHER]))[0]


def add_entry(document: dict[str, Any]) -> None:
    """Add an entry of another registry."""
    document["auths"][OTHER] = entry("them", "secret")


def add_helpers(document: dict[str, Any]) -> None:
    """Add something beside the entries."""
    document["credHelpers"] = {OTHER: "pass"}


@pytest.mark.parametrize("change", [add_entry, add_helpers])
def test_what_others_put_into_a_secret_of_ours_stays(
    cluster: Cluster, make: MakeSink, change: Any
) -> None:
    """With the Secret, which is no longer marked as ours."""
    shop = cluster.add()
    made = make(**DEFAULT)
    written(made.write(shop, changes()))
    secret = cluster.secret(shop)
    assert secret is not None
    document = json.loads(base64.b64decode(secret["data"][KEY]))
    change(document)
    cluster.set_document(shop, encoded(document))
    made.read([QUAY])
    assert "took our entries out" in written(made.retire(shop, [QUAY]))[0]
    secret = cluster.secret(shop)
    assert secret is not None
    del document["auths"][QUAY]
    assert json.loads(base64.b64decode(secret["data"][KEY])) == document
    assert not secret["metadata"].get("labels")
    assert not secret["metadata"].get("annotations")
    assert cluster.pulls(shop) == [NAME]


def test_other_keys_of_a_secret_of_ours_stay(cluster: Cluster, make: MakeSink) -> None:
    """A Secret may hold more than one value."""
    shop = cluster.add()
    made = make()
    written(made.write(shop, changes()))
    cluster.set_document(shop, encoded("theirs"), key="more")
    assert "took our entries out" in written(make().retire(shop, [QUAY]))[0]
    secret = cluster.secret(shop)
    assert secret is not None
    assert cluster.auths(shop) == {}
    assert secret["data"]["more"] == encoded("theirs")


def test_registries_of_former_settings_go_too(cluster: Cluster, make: MakeSink) -> None:
    """The annotation knows them."""
    shop = cluster.add()
    made = make()
    written(made.write(shop, changes(QUAY, OTHER)))
    assert "deleted" in written(make().retire(shop, [QUAY]))[0]


@pytest.mark.parametrize("annotation", [None, "{]", "[]", "{}"])
def test_without_its_annotation_the_settings_say_what_is_ours(
    cluster: Cluster, make: MakeSink, annotation: str | None
) -> None:
    """In a Secret that was made here; other entries are taken for somebody else's."""
    shop = cluster.add()
    written(make().write(shop, changes(QUAY, OTHER)))
    cluster.annotate(shop, ANNOTATION, annotation)
    assert "took our entries out" in written(make().retire(shop, [QUAY]))[0]
    assert list(cluster.auths(shop)) == [OTHER]


@pytest.mark.parametrize("annotation", ["{]", "[]", "{}"])
def test_without_that_nothing_is_taken_out_of_an_adopted_secret(
    cluster: Cluster, make: MakeSink, annotation: str
) -> None:
    """An entry may be theirs."""
    shop = cluster.add()
    cluster.add_secret(shop, {QUAY: entry("them", "secret")})
    cluster.annotate(shop, ANNOTATION, annotation)
    assert "does not tell which entries are ours" in refused(make().retire(shop, [QUAY]))
    assert list(cluster.auths(shop)) == [QUAY]


def test_what_nobody_can_read_goes_if_it_was_made_here(cluster: Cluster, make: MakeSink) -> None:
    """The kubelet finds nothing in it."""
    shop = cluster.add()
    written(make().write(shop, changes()))
    cluster.set_document(shop, encoded({"auths": ["?"]}))
    assert "deleted" in written(make().retire(shop, [QUAY]))[0]


def test_what_nobody_can_read_stays_if_it_was_adopted(cluster: Cluster, make: MakeSink) -> None:
    """Somebody may want to repair it."""
    shop = cluster.add()
    cluster.add_secret(shop, metadata={"annotations": {ANNOTATION: '{"quay.io":{}}'}})
    cluster.set_document(shop, encoded({"auths": ["?"]}))
    assert f"Secret {shop}/{NAME}: its auths is no object" in refused(make().retire(shop, [QUAY]))


def test_conflicts_are_looked_at_again(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """The Secret and the account are retired as they are now."""
    shop = cluster.add()
    made = make(**DEFAULT)
    written(made.write(shop, changes()))
    made.read([QUAY])
    # What was seen is of an older version now.
    cluster.set_document(
        shop, encoded({"auths": {QUAY: entry("AWS", "x"), OTHER: entry("a", "b")}})
    )
    kube.fail(conflict(), 1, method="PATCH")
    assert "took our entries out" in written(made.retire(shop, [QUAY]))[-1]
    assert list(cluster.auths(shop)) == [OTHER]


def test_one_that_changes_all_the_time_is_busy(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """After four attempts."""
    shop = cluster.add()
    made = make()
    written(made.write(shop, changes()))
    kube.fail(conflict(), None, verb="delete")
    assert "is being changed all the time" in busy(made.retire(shop, [QUAY]))
    assert len(kube.asked(verb="delete")) == 4


def test_a_secret_that_is_gone_meanwhile_is_retired(cluster: Cluster, make: MakeSink) -> None:
    """Somebody deleted it between the look and the removal; the account still loses its name."""
    shop = cluster.add()
    made = make(**DEFAULT)
    written(made.write(shop, changes()))
    made.read([QUAY])
    cluster.delete_secret(shop)
    (note,) = written(made.retire(shop, [QUAY]))
    assert "no longer pulls" in note
    assert cluster.pulls(shop) == []


def test_another_secret_of_that_name_stays(cluster: Cluster, make: MakeSink) -> None:
    """One that was made by somebody else after the look."""
    shop = cluster.add()
    made = make()
    written(made.write(shop, changes()))
    made.read([QUAY])
    cluster.delete_secret(shop)
    cluster.add_secret(shop, {QUAY: entry("them", "secret")})
    assert "is not ours" in written(made.retire(shop, [QUAY]))[0]
    assert cluster.secret(shop) is not None


@pytest.mark.parametrize("where", ["patch", "delete"])
def test_what_fails_is_told_and_can_be_done_again(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, where: str
) -> None:
    """A Secret whose name an account still has stays for now."""
    shop = cluster.add()
    made = make(**DEFAULT)
    written(made.write(shop, changes()))
    kube.fail(internal_error(), 1, verb=where)
    assert f"namespace {shop}: " in busy(made.retire(shop, [QUAY]))
    assert cluster.secret(shop) is not None
    assert cluster.pulls(shop) == ([NAME] if where == "patch" else [])
    assert "deleted" in written(made.retire(shop, [QUAY]))[-1]
    assert (cluster.secret(shop), cluster.pulls(shop)) == (None, [])


def test_a_deletion_whose_answer_is_lost_is_one(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """The next attempt finds nothing of ours."""
    shop = cluster.add()
    made = make()
    written(made.write(shop, changes()))
    kube.fail(reset(applied=True), 1, verb="delete")
    made.retire(shop, [QUAY])
    assert written(made.retire(shop, [QUAY])) == ()


def test_each_registry_has_a_secret_of_its_own(cluster: Cluster, make: MakeSink) -> None:
    """One that stays hides no other."""
    shop = cluster.add()
    made = make(secret="p-{registry}")
    cluster.add_secret(shop, name=f"p-{OTHER}")
    written(made.write(shop, changes()))
    notes = written(made.retire(shop, [OTHER, QUAY]))
    assert [note.partition(": ")[2] for note in notes] == [
        f"Secret p-{OTHER} is not ours, and stays",
        f"deleted Secret p-{QUAY}",
    ]


def test_one_name_needs_no_registry(cluster: Cluster, make: MakeSink) -> None:
    """Providers that tell nothing keep nobody from retiring."""
    shop = cluster.add()
    written(make().write(shop, changes()))
    assert "deleted" in written(make().retire(shop, []))[0]


def test_another_namespace_is_refused(cluster: Cluster, make: MakeSink) -> None:
    """It is no target."""
    assert "is no target of this sink" in refused(make().retire("kube-system", [QUAY]))
    assert cluster.secret("kube-system") is None


def test_a_missing_right_is_told_as_a_rule(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, tmp_path: Any
) -> None:
    """The roles of the daemon don't let it delete."""
    shop = cluster.add()
    written(make().write(shop, changes()))
    rules = [rule(["get", "list", "update"], ["secrets"])]
    config = kube.kubeconfig(tmp_path / "account", kube.account("refresher", "tools", rules))
    made = sink({"kubeconfig": str(config), "namespaces": [shop]}, FakeClock())
    reason = refused(made.retire(shop, [QUAY]))
    assert f"may not delete secrets {NAME} in namespace {shop}" in reason
    assert "resourceNames: [refresher], verbs: [delete]" in reason


def test_who_does_not_find_the_cluster_retires_nothing() -> None:
    """It is a result, as of a write."""
    made = sink({"namespaces": ["shop"]}, FakeClock())
    assert "no cluster is known" in refused(made.retire("shop", [QUAY]))


def test_a_namespace_that_is_gone_holds_nothing(cluster: Cluster, make: MakeSink) -> None:
    """Nothing is left to remove."""
    assert written(make(**DEFAULT).retire(f"{cluster.prefix}-gone", [QUAY])) == ()
