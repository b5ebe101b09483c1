"""The roles and bindings that the settings need."""

from typing import Any

import pytest

from refresher.sinks.kubernetes.choice import Accounts, Namespaces
from refresher.sinks.kubernetes.manifest import ServiceAccount, documents
from refresher.sinks.kubernetes.rules import Rule, needed

OURS = ServiceAccount("tools", "refresher")
Document = dict[str, Any]


def made(*rules: dict[str, tuple[Rule, ...]]) -> dict[tuple[str, str], Document]:
    """Return the documents by kind and namespace."""
    found = [dict(each) for each in documents(OURS, rules)]
    keyed = {(each["kind"], each["metadata"].get("namespace", "")): each for each in found}
    assert len(keyed) == len(found)
    return keyed


def said(document: Document) -> list[tuple[str, str, str]]:
    """Return the rules of a role: resource, names and verbs, in words."""
    assert all(rule["apiGroups"] == [""] for rule in document["rules"])
    return [
        (
            " ".join(rule["resources"]),
            " ".join(rule.get("resourceNames", ["*"])),
            " ".join(rule["verbs"]),
        )
        for rule in document["rules"]
    ]


def test_fixed_namespaces_have_roles_of_their_own() -> None:
    """And nothing is asked of the cluster."""
    found = made(dict(needed(Namespaces(("a", "b")), ["pull"], Accounts())))
    assert list(found) == [("Role", "a"), ("RoleBinding", "a"), ("Role", "b"), ("RoleBinding", "b")]
    assert said(found["Role", "a"]) == [
        ("secrets", "*", "create"),
        ("secrets", "pull", "get list update"),
    ]
    assert found["RoleBinding", "b"] == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "refresher.tools", "namespace": "b"},
        "subjects": [{"kind": "ServiceAccount", "name": "refresher", "namespace": "tools"}],
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": "refresher.tools",
        },
    }


def test_patterns_need_a_role_of_the_cluster() -> None:
    """It has no namespace."""
    found = made(dict(needed(Namespaces(("a*",)), ["pull"], Accounts(("default",)))))
    assert list(found) == [("ClusterRole", ""), ("ClusterRoleBinding", "")]
    assert said(found["ClusterRole", ""]) == [
        ("namespaces", "*", "list"),
        ("secrets", "*", "create"),
        ("secrets", "pull", "get list update"),
        ("serviceaccounts", "default", "get list patch"),
    ]
    assert found["ClusterRole", ""]["metadata"] == {"name": "refresher.tools"}


def test_retiring_needs_one_verb_more() -> None:
    """To delete, and that by name."""
    found = made(dict(needed(Namespaces(("a",)), ["pull"], Accounts(), retiring=True)))
    assert said(found["Role", "a"])[1] == ("secrets", "pull", "delete get list update")


def test_sinks_share_one_role_in_a_namespace() -> None:
    """Their names are listed together; what any name may is not said again for one."""
    found = made(
        dict(needed(Namespaces(("a",)), ["one"], Accounts(everyone=True))),
        dict(needed(Namespaces(("a",)), ["two"], Accounts(("default",)))),
    )
    assert said(found["Role", "a"]) == [
        ("secrets", "*", "create"),
        ("secrets", "one two", "get list update"),
        ("serviceaccounts", "*", "get list patch"),
    ]


def test_what_holds_everywhere_is_not_said_for_one_namespace() -> None:
    """A role that would hold nothing is not made."""
    everywhere = dict(needed(Namespaces(("*",)), ["one"], Accounts(everyone=True)))
    found = made(
        everywhere,
        dict(needed(Namespaces(("a",)), ["two"], Accounts(("default",)))),
        dict(needed(Namespaces(("b",)), ["one"], Accounts())),
    )
    assert said(found["Role", "a"]) == [("secrets", "two", "get list update")]
    assert ("Role", "b") not in found
    assert said(found["ClusterRole", ""])[2] == ("secrets", "one", "get list update")


@pytest.mark.parametrize("name", ["refresher", "refresher.more"])
def test_two_accounts_never_share_a_role(name: str) -> None:
    """One would take the rights of the other away."""
    roles = {ServiceAccount(where, name).role for where in ("tools", "more-tools")}
    assert len(roles | {OURS.role}) == (2 if name == "refresher" else 3)
