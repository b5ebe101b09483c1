"""Service accounts name our Secrets, and whatever else they name stays."""

import pytest

from refresher.model.plan import Absent
from refresher.ports import Written
from tests.doubles.kubernetes import ApiError, KubernetesDouble
from tests.doubles.kubernetes.faults import internal_error, refusal
from tests.doubles.kubernetes.kinds import named
from tests.doubles.kubernetes.statuses import conflict
from tests.sinks.kubernetes.cluster import NAME, Cluster
from tests.sinks.kubernetes.conftest import QUAY, MakeSink, busy, changes, value, written


def patches(kube: KubernetesDouble) -> int:
    """Return how often an account was to be changed."""
    return kube.writes(resource="serviceaccounts")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("none", []),
        ("default", ["default"]),
        ("all", ["app", "default", "job"]),
        ({"names": ["app"]}, ["app"]),
        ({"names": ["app", "default"]}, ["app", "default"]),
        ({"labels": "pull=yes"}, ["job"]),
    ],
    ids=str,
)
def test_exactly_those_that_are_meant_are_changed(
    cluster: Cluster, make: MakeSink, chosen: object, expected: list[str]
) -> None:
    """By a word, by name or by labels; a later one is found, too."""
    namespace = cluster.add()
    cluster.add_account(namespace, "app")
    cluster.add_account(namespace, "job", pull="yes")
    made = make(service_accounts=chosen)
    assert made.read([QUAY])[namespace] == {QUAY: Absent()}
    notes = written(made.write(namespace, changes()))
    accounts = ["app", "default", "job"]
    assert [each for each in accounts if NAME in cluster.pulls(namespace, each)] == expected
    assert sorted(each.split()[4] for each in notes[1:]) == expected
    assert made.read([QUAY])[namespace] == {QUAY: value()}
    if chosen in ("none", "default", {"names": ["app"]}, {"names": ["app", "default"]}):
        return
    cluster.add_account(namespace, "late", pull="yes")
    assert made.read([QUAY])[namespace] == {QUAY: Absent()}
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace, "late") == [NAME]


def test_what_is_named_already_stays_in_order(cluster: Cluster, make: MakeSink) -> None:
    """Ours comes last, and once."""
    namespace = cluster.add()
    cluster.set_pulls(namespace, "default", ["b", "a"])
    made = make(service_accounts="default")
    made.read([QUAY])
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == ["b", "a", NAME]
    cluster.set_pulls(namespace, "default", [NAME, "b"])
    assert made.read([QUAY])[namespace] == {QUAY: value()}
    assert made.write(namespace, changes()) == Written()
    assert cluster.pulls(namespace) == [NAME, "b"]


def test_what_is_right_is_not_written(cluster: Cluster, make: MakeSink) -> None:
    """A renewal changes the Secret alone."""
    namespace = cluster.add()
    made = make(service_accounts="all")
    made.read([QUAY])
    written(made.write(namespace, changes()))
    before = cluster.account_version(namespace)
    for secret in "abc":
        made.read([QUAY])
        assert made.write(namespace, changes(secret=secret)) == Written()
    other = make(service_accounts="all")
    assert other.write(namespace, changes(secret="d")) == Written()
    assert cluster.account_version(namespace) == before


def test_two_of_us_do_not_fight(cluster: Cluster, make: MakeSink) -> None:
    """Each appends its own name once."""
    namespace = cluster.add()
    cluster.set_pulls(namespace, "default", ["a", "b"])
    both = [make(service_accounts="default", secret=each) for each in ("x", "y")]
    for number in range(10):
        for made in both:
            made.read([QUAY])
            written(made.write(namespace, changes(secret=str(number))))
    assert cluster.pulls(namespace) == ["a", "b", "x", "y"]


def test_the_names_of_all_secrets_are_there(cluster: Cluster, make: MakeSink) -> None:
    """With one Secret per registry; a registry whose Secret is missing there is absent."""
    namespace = cluster.add()
    made = make(service_accounts="default", secret="p-{registry}")
    made.read([QUAY, "b.example"])
    written(made.write(namespace, changes(QUAY, "b.example")))
    assert cluster.pulls(namespace) == ["p-quay.io", "p-b.example"]
    cluster.set_pulls(namespace, "default", ["p-b.example"])
    assert made.read([QUAY, "b.example"])[namespace] == {QUAY: Absent(), "b.example": value()}


def test_a_secret_that_is_not_there_is_not_named(cluster: Cluster, make: MakeSink) -> None:
    """Pods would be warned of it at each pull."""
    namespace = cluster.add()
    cluster.add_secret(namespace)
    made = make(service_accounts="default")
    made.read([QUAY])
    assert not isinstance(made.write(namespace, changes()), Written)
    assert cluster.pulls(namespace) == []


def test_a_default_account_that_is_missing_is_waited_for(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """It comes soon after its namespace; the Secret and the other accounts do not wait."""
    namespace = cluster.add()
    cluster.add_account(namespace, "app")
    kube.delete("serviceaccounts", "default", namespace)
    for chosen in ("all", "default"):
        made = make(service_accounts=chosen)
        assert made.read([QUAY])[namespace] == {QUAY: Absent()}
        reason = busy(made.write(namespace, changes()))
        assert reason == f"namespace {namespace}: the service account default is not there yet"
        assert cluster.password(namespace) == "new-secret"
    assert cluster.pulls(namespace, "app") == [NAME]
    cluster.add_account(namespace, "default")
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == [NAME]
    assert made.read([QUAY])[namespace] == {QUAY: value()}


def test_one_that_is_named_need_not_be_everywhere(cluster: Cluster, make: MakeSink) -> None:
    """It is served where it is."""
    namespace = cluster.add()
    made = make(service_accounts={"names": ["app"]})
    made.read([QUAY])
    written(made.write(namespace, changes()))
    assert made.read([QUAY])[namespace] == {QUAY: value()}


def test_a_change_since_the_look_is_kept(cluster: Cluster, make: MakeSink) -> None:
    """Somebody else appended in between."""
    namespace = cluster.add()
    made = make(service_accounts="default")
    made.read([QUAY])
    cluster.set_pulls(namespace, "default", ["theirs"])
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == ["theirs", NAME]


def test_one_that_somebody_else_completed_is_not_written(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Another run of ours was faster."""
    namespace = cluster.add()
    made = make(service_accounts="default")
    made.read([QUAY])
    cluster.set_pulls(namespace, "default", [NAME])
    kube.forget()
    written(made.write(namespace, changes()))
    assert patches(kube) == 1
    assert cluster.pulls(namespace) == [NAME]


def _conflict() -> ApiError:
    return conflict(named("serviceaccounts"), "default")


@pytest.mark.parametrize(("times", "works"), [(1, True), (3, True), (4, False), (None, False)])
def test_conflicts_are_taken_up_a_few_times(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, times: int | None, *, works: bool
) -> None:
    """Then it is told, and tried again the next time."""
    namespace = cluster.add()
    made = make(service_accounts="default")
    made.read([QUAY])
    kube.fail(refusal(_conflict()), times, resource="serviceaccounts", verb="patch")
    outcome = made.write(namespace, changes())
    if works:
        written(outcome)
        assert patches(kube) == (times or 0) + 1
    else:
        assert "the service account default is being changed all the time" in busy(outcome)
        assert patches(kube) == 4
        kube.heal()
        written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == [NAME]


def test_one_that_fails_hides_no_other(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """It is told by name."""
    namespace = cluster.add()
    for each in ("a", "b", "c"):
        cluster.add_account(namespace, each)
    made = make(service_accounts="all")
    made.read([QUAY])
    kube.fail(internal_error(), None, resource="serviceaccounts", verb="patch", name="b")
    busy(made.write(namespace, changes()))
    found = {each: cluster.pulls(namespace, each) for each in ("a", "b", "c", "default")}
    assert found == {"a": [NAME], "b": [], "c": [NAME], "default": [NAME]}


@pytest.mark.parametrize("after", ["patch", "conflict"])
def test_one_that_vanished_needs_nothing(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, after: str
) -> None:
    """Unless it is the one that each namespace has."""
    namespace = cluster.add()
    cluster.add_account(namespace, "app")
    made = make(service_accounts="all")
    made.read([QUAY])
    kube.delete("serviceaccounts", "app", namespace)
    if after == "conflict":
        error = conflict(named("serviceaccounts"), "app")
        kube.fail(refusal(error), 1, resource="serviceaccounts", verb="patch", name="app")
    written(made.write(namespace, changes()))
    kube.delete("serviceaccounts", "default", namespace)
    made.read([QUAY])
    busy(made.write(namespace, changes()))


def test_what_nobody_looked_at_is_looked_at(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """A write without a read before it; one that fails there is told, too."""
    namespace = cluster.add()
    made = make(service_accounts="default")
    kube.fail(internal_error(), 1, resource="serviceaccounts", verb="list")
    assert "internal error" in busy(made.write(namespace, changes()))
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == [NAME]


def test_a_malformed_list_is_read_all_the_same(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """What has no name is no Secret."""
    namespace = cluster.add()
    kube.patch("serviceaccounts", "default", namespace, {"imagePullSecrets": [{}, {"name": "a"}]})
    made = make(service_accounts="default")
    made.read([QUAY])
    written(made.write(namespace, changes()))
    assert cluster.pulls(namespace) == ["a", NAME]
