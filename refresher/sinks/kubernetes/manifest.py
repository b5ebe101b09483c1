"""The roles and bindings that one service account needs, as documents for `kubectl apply`. Pure.

What it may do in all namespaces is not said again for one. Source:
https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from refresher.sinks.kubernetes.rules import Rule

_GROUP: Final = "rbac.authorization.k8s.io"
_ANY: Final = ""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Right:
    """One verb for the objects of a rule that has neither: by one name, or with any."""

    of: Rule
    name: str
    verb: str


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Whom the rights are given to."""

    namespace: str
    name: str

    @property
    def role(self) -> str:
        """The name of its roles: no two accounts share one in a namespace that both serve."""
        return f"{self.name}.{self.namespace}"


def documents(
    account: ServiceAccount, needed: Iterable[Mapping[str, Sequence[Rule]]]
) -> Iterator[Document]:
    """Yield a role and its binding for each namespace, those for all of them first.

    `needed` are the rules of several sinks, each by namespace, "" for all of them.
    """
    for where, rights in sorted(_least(needed).items()):
        if rights:
            yield from _granted(account, where, rights)


def _least(needed: Iterable[Mapping[str, Sequence[Rule]]]) -> dict[str, set[Right]]:
    """Return the rights by namespace, without those that others imply."""
    found: dict[str, set[Right]] = {}
    for each in needed:
        for where, rules in each.items():
            found.setdefault(where, set()).update(_rights(rules))
    everywhere = found.get("", set())
    return {
        where: {
            right
            for right in rights
            if not (where and right in everywhere)
            and not (right.name and replace(right, name=_ANY) in rights | everywhere)
        }
        for where, rights in found.items()
    }


def _rights(rules: Iterable[Rule]) -> Iterator[Right]:
    for rule in rules:
        bare = replace(rule, verbs=(), names=())
        for name in rule.names or (_ANY,):
            for verb in rule.verbs:
                yield Right(bare, name, verb)


def _rules(rights: Iterable[Right]) -> Iterator[Rule]:
    """Yield as few rules as give the rights, in an order of their own."""
    verbs: dict[tuple[Rule, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.of, right.name), set()).add(right.verb)
    names: dict[tuple[Rule, bool], list[str]] = {}
    for (bare, name), those in sorted(verbs.items(), key=lambda each: _order(*each[0])):
        same = replace(bare, verbs=tuple(sorted(those)))
        names.setdefault((same, name == _ANY), []).append(name)
    for (same, any_name), listed in names.items():
        yield same if any_name else replace(same, names=tuple(listed))


def _order(bare: Rule, name: str) -> tuple[str, str]:
    return bare.resource, name


def _granted(account: ServiceAccount, where: str, rights: Iterable[Right]) -> Iterator[Document]:
    kind = "Role" if where else "ClusterRole"
    metadata = {"name": account.role} | ({"namespace": where} if where else {})
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": [_document(rule) for rule in _rules(rights)],
    }
    subject = {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "subjects": [subject],
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": account.role},
    }


def _document(rule: Rule) -> dict[str, list[str]]:
    names = {"resourceNames": list(rule.names)} if rule.names else {}
    return {"apiGroups": [""], "resources": [rule.resource], **names, "verbs": list(rule.verbs)}
