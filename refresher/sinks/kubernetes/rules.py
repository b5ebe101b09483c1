"""The rules of a role that a sink's settings need, and no more. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from refresher.sinks.kubernetes.choice import Accounts, Namespaces

SECRETS = "secrets"
ACCOUNTS = "serviceaccounts"
NAMESPACES = "namespaces"


@dataclass(frozen=True, slots=True)
class Rule:
    """What may be done with a resource of the core API, by `names` or with all of them."""

    verbs: tuple[str, ...]
    resource: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the rule as YAML on one line."""
        parts = ['apiGroups: [""]', f"resources: [{self.resource}]"]
        parts += [f"resourceNames: [{', '.join(self.names)}]"] if self.names else []
        return "{" + ", ".join((*parts, f"verbs: [{', '.join(self.verbs)}]")) + "}"


def needed(
    namespaces: Namespaces,
    secrets: Collection[str],
    accounts: Accounts,
    *,
    retiring: bool = False,
) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules by the namespace that they are needed in; "" is for all of them.

    `secrets` are the names of the Secrets. None of the rules lets other Secrets be read.
    `retiring` is whether what was put there is also to be removed.
    """
    within = tuple(_within(tuple(sorted(secrets)), accounts, retiring=retiring))
    if namespaces.fixed:
        return dict.fromkeys(namespaces.fixed, within)
    return {"": (Rule(("list",), NAMESPACES), *within)}


def _within(secrets: tuple[str, ...], accounts: Accounts, *, retiring: bool) -> Iterator[Rule]:
    verbs = ("get", "list", "update")
    yield Rule((*verbs, "delete") if retiring else verbs, SECRETS, secrets)
    # A name that is still to be made can't be told apart.
    yield Rule(("create",), SECRETS)
    if accounts:
        yield Rule(("get", "list", "patch"), ACCOUNTS, tuple(sorted(accounts.names)))
