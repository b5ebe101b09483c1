"""Which namespaces are looked at, how, and what is told of them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from refresher.errors import PermanentError, RetryableError
from refresher.model.plan import Absent
from refresher.ports import Tools
from refresher.sinks.kubernetes import Options
from refresher.sinks.kubernetes.access import Access
from refresher.sinks.kubernetes.api import PAGE, Api
from refresher.sinks.kubernetes.talk import Talk
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
from tests.doubles.kubernetes import ApiError, Fault, KubernetesDouble, rule
from tests.doubles.kubernetes.faults import refusal
from tests.doubles.kubernetes.message import Answer
from tests.sinks.kubernetes.cluster import Cluster
from tests.sinks.kubernetes.conftest import (
    QUAY,
    MakeSink,
    busy,
    changes,
    refused,
    sink,
    value,
    written,
)

SELECTED = {"fieldSelector": "metadata.name=refresher", "limit": str(PAGE)}


def listed(kube: KubernetesDouble) -> list[tuple[str, str, str]]:
    """Return what was asked, in order: verb, resource, namespace."""
    return [(each.verb, each.resource, each.namespace) for each in kube.asked()]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"names": ["{}-a"]}, ["a"]),
        ({"names": ["{}-[ab]"]}, ["a", "b"]),
        ({"regex": ["{}-(b|c)"]}, ["b", "c"]),
        ({"names": ["{}-*"], "exclude": ["*-b"]}, ["a", "c"]),
        ({"names": ["{}-*"], "labels": "env=prod"}, ["a", "b"]),
        ({"names": ["{}-*"], "labels": "env!=prod"}, ["c"]),
        ({"names": ["{}-a", "{}-b"], "exclude": ["{}-b"]}, ["a"]),
    ],
    ids=str,
)
def test_namespaces_are_chosen_as_the_settings_say(
    cluster: Cluster, make: MakeSink, given: dict[str, list[str] | str], found: list[str]
) -> None:
    """By name, pattern, regular expression and labels, and by none that is excluded."""
    for name, env in {"a": "prod", "b": "prod", "c": "test"}.items():
        cluster.add(name, env=env)
    filled = {
        key: [each.format(cluster.prefix) for each in named] if isinstance(named, list) else named
        for key, named in given.items()
    }
    held = make(namespaces=filled).read([QUAY])
    assert held == {f"{cluster.prefix}-{name}": {QUAY: Absent()} for name in found}


def test_no_namespace_is_no_success(cluster: Cluster, make: MakeSink) -> None:
    """It is looked for again, and told until then."""
    made = make()
    with pytest.raises(RetryableError, match=f"no namespace of .* matches {cluster.prefix}-") as e:
        made.read([QUAY])
    assert "correct namespaces" in e.value.hint
    namespace = cluster.add()
    assert made.read([QUAY]) == {namespace: {QUAY: Absent()}}


def test_a_namespace_that_is_named_is_missed(cluster: Cluster, make: MakeSink) -> None:
    """In its place; the others are read, and it is found when it is there."""
    namespace = cluster.add("a")
    late = f"{cluster.prefix}-late"
    made = make(namespaces=[f"{cluster.prefix}-a*", late])
    held = made.read([QUAY])
    assert held[namespace] == {QUAY: Absent()}
    assert f"there is no namespace {late}: make it" in busy(held[late])
    cluster.add("late")
    assert made.read([QUAY])[late] == {QUAY: Absent()}


def test_one_that_is_named_alone_is_missed_at_the_write(cluster: Cluster, make: MakeSink) -> None:
    """An empty list tells nothing: only the attempt to make a Secret there does."""
    late = f"{cluster.prefix}-late"
    made = make(namespaces=late)
    assert made.read([QUAY]) == {late: {QUAY: Absent()}}
    assert f"there is no namespace {late}: make it" in busy(made.write(late, changes()))
    cluster.add("late")
    written(made.write(late, changes()))


def test_fixed_namespaces_are_asked_about_alone(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Nothing is asked of the whole cluster, and of Secrets only the one by its name."""
    names = [cluster.add(name) for name in "abc"]
    made = make(namespaces=names, service_accounts="default")
    kube.forget()
    made.read([QUAY])
    assert {each.namespace for each in kube.asked()} == set(names)
    assert {each.verb for each in kube.asked()} == {"list"}
    secrets = kube.asked(resource="secrets")
    assert [each.query for each in secrets] == [SELECTED] * 3
    accounts = kube.asked(resource="serviceaccounts")
    assert [each.name for each in accounts] == ["default"] * 3


def test_others_are_asked_about_at_once(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """By one list of each kind, however many namespaces there are."""
    for name in "abc":
        cluster.add(name, env="prod")
    made = make(namespaces={"names": [cluster.all], "labels": "env=prod"}, service_accounts="all")
    kube.forget()
    made.read([QUAY, "b.example"])
    assert listed(kube) == [
        ("list", "namespaces", ""),
        ("list", "secrets", ""),
        ("list", "serviceaccounts", ""),
    ]
    assert kube.asked(resource="secrets")[0].query == SELECTED
    assert kube.asked(resource="namespaces")[0].query["labelSelector"] == "env=prod"


def test_long_lists_come_in_pages(cluster: Cluster, kube: KubernetesDouble, make: MakeSink) -> None:
    """All of them, each once; what is unchanged costs nothing but lists."""
    for number in range(1_100):
        kube.add_namespace(f"{cluster.prefix}-{number}")
    made = make()
    held = made.read([QUAY])
    assert len(held) == 1_100
    for each in held:
        written(made.write(each, changes()))
    kube.forget()
    held = made.read([QUAY])
    assert list(held.values()) == [{QUAY: value()}] * 1_100
    assert [each.verb for each in kube.asked()] == ["list"] * 6


@pytest.fixture
def api(cluster: Cluster, clock: FakeClock) -> Api:
    """Return the calls of one operation."""
    options = Options.model_validate({"kubeconfig": str(cluster.kubeconfig)})
    way = Access(options, Tools(clock, MemoryStore()), kept=1).way()
    return Api(Talk(way, clock, answer=5, whole=20))


def test_a_list_that_grew_too_old_goes_on(kube: KubernetesDouble, api: Api) -> None:
    """The server forgot how things were at its beginning, and says how to go on."""
    for number in range(700):
        kube.add_namespace(f"n-{number:03}")
    names = (each["metadata"]["name"] for each in api.list("namespaces", "", {}))
    first = [next(names) for _ in range(100)]
    kube.add_namespace("zz-late")
    kube.compact()
    found = [*first, *names]
    assert found == sorted({"zz-late", *found})
    assert len(found) == 700 + 4 + 1


@pytest.mark.parametrize(
    "error", [ApiError(410, "Expired", "too old"), ApiError(410, "Gone", "gone")], ids=str
)
def test_a_list_that_can_not_go_on_is_told(
    kube: KubernetesDouble, api: Api, error: ApiError
) -> None:
    """Half of the namespaces would look as if it were all."""
    for number in range(600):
        kube.add_namespace(f"n-{number}")
    names = api.list("namespaces", "", {})
    next(names)
    kube.fail(refusal(error))
    with pytest.raises(RetryableError, match="the list changed while it was read"):
        list(names)


def test_a_list_that_goes_round_in_a_circle_ends(kube: KubernetesDouble, api: Api) -> None:
    """A server, or what answers in its place, that always says that there is more."""
    page = {"kind": "NamespaceList", "items": None, "metadata": {"continue": "x"}}
    kube.fail(Fault(Answer.of(page)), None)
    with pytest.raises(RetryableError, match="something else than namespaces"):
        list(api.list("namespaces", "", {}))


def test_each_fixed_namespace_fails_alone(
    cluster: Cluster, kube: KubernetesDouble, clock: FakeClock, tmp_path: Path
) -> None:
    """One that we may not enter hides no other."""
    names = [cluster.add(name) for name in "ab"]
    token = kube.account(
        "refresher", "tools", [rule(["list", "get", "create"], ["secrets"])], within=names[:1]
    )
    config = kube.kubeconfig(tmp_path / "config", token)
    made = sink({"kubeconfig": str(config), "namespaces": names}, clock)
    held = made.read([QUAY])
    assert held[names[0]] == {QUAY: Absent()}
    reason = refused(held[names[1]])
    who = "system:serviceaccount:tools:refresher"
    assert f"{who} may not list secrets refresher in namespace {names[1]}" in reason
    assert (
        f'add this rule to a Role in {names[1]} that is bound to it: {{apiGroups: [""], '
        "resources: [secrets], resourceNames: [refresher], verbs: [list]}" in reason
    )
    written(made.write(names[0], changes()))


def test_rights_to_list_are_needed_for_patterns(
    cluster: Cluster, kube: KubernetesDouble, clock: FakeClock, tmp_path: Path
) -> None:
    """Without them no namespace can be told."""
    cluster.add()
    config = kube.kubeconfig(tmp_path / "config", kube.account("refresher", "tools"))
    made = sink({"kubeconfig": str(config), "namespaces": cluster.all}, clock)
    with pytest.raises(PermanentError, match="may not list namespaces") as caught:
        made.read([QUAY])
    assert "add this rule to a ClusterRole" in caught.value.hint


def test_the_least_rights_are_enough(
    cluster: Cluster, kube: KubernetesDouble, clock: FakeClock, tmp_path: Path
) -> None:
    """Only our Secret can be read, and accounts by name."""
    namespace = cluster.add()
    kube.add_secret("secret-of-others", namespace)
    rules = [
        rule(["list"], ["namespaces"]),
        rule(["get", "list", "update"], ["secrets"], names=["refresher"]),
        rule(["create"], ["secrets"]),
        rule(["get", "list", "patch"], ["serviceaccounts"], names=["default"]),
    ]
    config = kube.kubeconfig(tmp_path / "config", kube.account("refresher", "tools", rules))
    given = {"kubeconfig": str(config), "namespaces": cluster.all, "service_accounts": "default"}
    made = sink(given, clock)
    for number in range(2):
        assert made.read([QUAY])[namespace] == {QUAY: Absent() if not number else value("0")}
        written(made.write(namespace, changes(secret=str(number))))
    assert made.advise([QUAY]) == ()
    kube.set_secret("refresher", namespace, {"other": b"x"})
    written(made.write(namespace, changes(secret="after a conflict")))


def test_a_namespace_that_ends_takes_no_new_secret(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """It is told in its place; one that has a Secret is renewed as ever."""
    bare, supplied, other = (cluster.add(name) for name in ("bare", "supplied", "other"))
    made = make()
    written(made.write(supplied, changes(secret="old")))
    for each in (bare, supplied):
        kube.terminate(each)
    held = made.read([QUAY])
    assert f"namespace {bare}: it is being terminated" in busy(held[bare])
    assert (held[supplied], held[other]) == ({QUAY: value("old")}, {QUAY: Absent()})
    written(made.write(supplied, changes()))
    written(made.write(other, changes()))
    reason = busy(make(namespaces=[bare]).write(bare, changes()))
    assert f"namespace {bare} is being terminated" in reason
    kube.finish(bare)
    assert bare not in made.read([QUAY])
    assert "there is no namespace" in busy(made.write(bare, changes()))


@pytest.mark.parametrize("options", [{}, {"secret": "p-{registry}"}], ids=str)
def test_what_is_held_is_told_by_registry(
    cluster: Cluster, make: MakeSink, options: Mapping[str, str]
) -> None:
    """Each by itself, in one Secret or in several."""
    namespace = cluster.add()
    made = make(**options)
    written(made.write(namespace, changes(QUAY, "docker.io")))
    wanted = {QUAY: value(), "docker.io": value(), "b.example": Absent()}
    assert make(**options).read(list(wanted))[namespace] == wanted


def test_nothing_that_is_asked_is_nothing(cluster: Cluster, make: MakeSink) -> None:
    """Namespaces without any registry."""
    namespace = cluster.add()
    assert make().read([]) == {namespace: {}}
