"""Which rights the settings need, and which of them are missing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from refresher.sinks.kubernetes import KubernetesSink
from refresher.sinks.kubernetes.choice import Accounts, Namespaces
from refresher.sinks.kubernetes.rules import Rule, needed
from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble, rule
from tests.doubles.kubernetes.faults import internal_error
from tests.sinks.kubernetes.cluster import Cluster
from tests.sinks.kubernetes.conftest import QUAY, sink


def of(rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    """Return rules as documents, by what they print."""
    return [yaml.safe_load(str(each)) for each in rules]


SECRETS = [
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["pull"],
        "verbs": ["get", "list", "update"],
    },
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
]


def test_fixed_namespaces_need_nothing_of_the_cluster() -> None:
    """A role in each of them."""
    found = needed(Namespaces(("a", "b")), ["pull"], Accounts())
    assert {where: of(rules) for where, rules in found.items()} == {"a": SECRETS, "b": SECRETS}


def test_others_need_the_list_of_namespaces() -> None:
    """And the rest in all of them; other Secrets stay hidden."""
    (rules,) = needed(Namespaces(("a*",)), ["pull"], Accounts()).values()
    listing = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}
    assert of(rules) == [listing, *SECRETS]


@pytest.mark.parametrize(
    ("accounts", "names"),
    [
        (Accounts(("default",)), ["default"]),
        (Accounts(("b", "a")), ["a", "b"]),
        (Accounts(everyone=True), None),
        (Accounts(labels="a=b"), None),
    ],
    ids=str,
)
def test_accounts_are_changed_by_name_where_they_are_named(
    accounts: Accounts, names: list[str] | None
) -> None:
    """Else by no name."""
    rules = needed(Namespaces(("a",)), ["pull"], accounts)["a"]
    expected = {
        "apiGroups": [""],
        "resources": ["serviceaccounts"],
        "verbs": ["get", "list", "patch"],
    }
    if names:
        expected["resourceNames"] = names
    assert of(rules)[2:] == [expected]


def made(
    cluster: Cluster, kube: KubernetesDouble, folder: Path, rules: list[Any], **given: Any
) -> KubernetesSink:
    """Return a sink of an account with some rules."""
    config = kube.kubeconfig(folder / "account", kube.account("refresher", "tools", rules))
    return sink({"kubeconfig": str(config), "namespaces": cluster.all, **given}, FakeClock())


def test_what_is_missing_is_told_as_rules(
    cluster: Cluster, kube: KubernetesDouble, tmp_path: Path
) -> None:
    """As YAML that can be put into a role, and no more than is missing."""
    rules = [
        rule(["list"], ["namespaces"]),
        rule(["get", "list"], ["secrets"], names=["refresher"]),
    ]
    (told,) = made(cluster, kube, tmp_path, rules, service_accounts="default").advise([QUAY])
    sentence, _, text = told.partition("\n")
    assert (
        "may not update secrets, create secrets, get serviceaccounts, list serviceaccounts, patch "
        "serviceaccounts in all namespaces; add to a ClusterRole that is bound to it:" in sentence
    )
    lacking = [
        {**SECRETS[0], "resourceNames": ["refresher"], "verbs": ["update"]},
        SECRETS[1],
        {
            "apiGroups": [""],
            "resources": ["serviceaccounts"],
            "resourceNames": ["default"],
            "verbs": ["get", "list", "patch"],
        },
    ]
    assert yaml.safe_load(text) == {"rules": lacking}
    whole = made(cluster, kube, tmp_path, [*rules, *lacking], service_accounts="default")
    assert whole.advise([QUAY]) == ()


def test_each_fixed_namespace_is_told_of(
    cluster: Cluster, kube: KubernetesDouble, tmp_path: Path
) -> None:
    """With its name; registries with Secrets of their own need a name each."""
    names = [f"{cluster.prefix}-{each}" for each in "ab"]
    given = {"namespaces": names, "secret": "p-{registry}"}
    told = made(cluster, kube, tmp_path, [], **given).advise([QUAY, "b.example"])
    assert [name in each for name, each in zip(names, told, strict=True)] == [True, True]
    assert "add to a Role in" in told[0]
    assert yaml.safe_load(told[0].partition("\n")[2])["rules"][0]["resourceNames"] == [
        "p-b.example",
        "p-quay.io",
    ]
    assert {each.namespace for each in kube.asked(verb="list")} == set()


def test_who_may_do_everything_lacks_nothing(cluster: Cluster, kube: KubernetesDouble) -> None:
    """Nor is anything changed by asking."""
    cluster.add()
    kube.forget()
    made = sink({"kubeconfig": str(cluster.kubeconfig), "namespaces": cluster.all}, FakeClock())
    assert made.advise([QUAY]) == ()
    assert not any(each.writes for each in kube.asked())


def test_what_fails_is_told_by_the_read(
    cluster: Cluster, kube: KubernetesDouble, tmp_path: Path
) -> None:
    """Not twice."""
    asked = made(cluster, kube, tmp_path, [])
    kube.fail(internal_error(), None)
    assert asked.advise([QUAY]) == ()
    with kube.down():
        assert asked.advise([QUAY]) == ()
