"""The service accounts of a namespace: each is to name our Secrets in `imagePullSecrets`.

A pod that names none itself gets those of its account when it is made
(https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from refresher.errors import RefresherError, RetryableError
from refresher.ports import Busy, Outcome, Written
from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.choice import Accounts
from refresher.sinks.kubernetes.faults import ConflictError, GoneError
from refresher.sinks.kubernetes.rules import ACCOUNTS
from refresher.sinks.outcomes import not_done

_CONFLICTS: Final = 3
_FIELD: Final = "imagePullSecrets"


@dataclass(frozen=True, slots=True)
class Account:
    """A service account: its version, and the Secrets that its pods pull with, in order."""

    name: str
    version: str
    pulls: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Account":
        """Return one as the API gives it."""
        listed = found.get(_FIELD)
        names = [each.get("name") for each in listed or () if isinstance(each, dict)]
        metadata = found["metadata"]
        pulls = tuple(each for each in names if isinstance(each, str))
        return cls(metadata["name"], str(metadata.get("resourceVersion", "")), pulls)

    def lacks(self, secrets: Collection[str]) -> tuple[str, ...]:
        """Return those of `secrets` that it does not name."""
        return tuple(each for each in secrets if each not in self.pulls)


def listed(api: Api, namespace: str, chosen: Accounts) -> Iterator[Mapping[str, Any]]:
    """Yield the accounts that are meant, of a namespace or of all for "". Raises as `Api.list`."""
    for query in chosen.queries:
        yield from api.list(ACCOUNTS, namespace, query)


def lacking(accounts: Mapping[str, Account] | None, chosen: Accounts, secret: str) -> bool:
    """Tell whether pods of an account that is meant would not pull with a Secret.

    So it is where the account that each namespace has is not there yet.
    """
    if not chosen or accounts is None:
        return False
    if chosen.awaited and chosen.awaited not in accounts:
        return True
    return any(each.lacks((secret,)) for each in accounts.values())


class Linking:
    """Has the accounts of one namespace name our Secrets."""

    def __init__(self, api: Api, namespace: str, chosen: Accounts) -> None:
        """Take the namespace, and which of its accounts are meant."""
        self._api = api
        self._namespace = namespace
        self._chosen = chosen

    def run(
        self, seen: Mapping[str, Account] | None, secrets: Collection[str]
    ) -> tuple[Mapping[str, Account] | None, list[Outcome]]:
        """Return the accounts as they are now, and what came of each that lacked something.

        One that fails hides no other; then None is returned of all: they are to be looked at anew.
        """
        if not self._chosen:
            return None, []
        try:
            accounts = self._looked() if seen is None else dict(seen)
        except RefresherError as error:
            return None, [not_done(error)]
        lacking = [each for each in accounts.values() if each.lacks(secrets)]
        outcomes = [self._linked(accounts, each, secrets) for each in lacking]
        awaited = self._chosen.awaited
        if awaited and awaited not in accounts:
            outcomes.append(Busy(f"the service account {awaited} is not there yet"))
        done = all(isinstance(each, Written) for each in outcomes)
        return accounts if done else None, outcomes

    def _looked(self) -> dict[str, Account]:
        found = listed(self._api, self._namespace, self._chosen)
        return {each.name: each for each in map(Account.of, found)}

    def _linked(
        self, accounts: dict[str, Account], account: Account, secrets: Collection[str]
    ) -> Outcome:
        try:
            changed = settled(
                self._api,
                self._namespace,
                account,
                lambda each: (*each.pulls, *each.lacks(secrets)),
            )
        except RefresherError as error:
            return not_done(error)
        if changed is None:
            del accounts[account.name]
            return Written()
        accounts[account.name] = changed
        return Written((f"service account {account.name} pulls with {', '.join(secrets)}",))


def settled(
    api: Api, namespace: str, account: Account, wanted: Callable[[Account], tuple[str, ...]]
) -> Account | None:
    """Have an account pull with what is `wanted` of it, and return it; None if it is gone.

    Raises `RetryableError` or `PermanentError`.
    """
    for _ in range(1 + _CONFLICTS):
        pulls = wanted(account)
        if pulls == account.pulls:
            return account
        try:
            return _patched(api, namespace, account, pulls)
        except GoneError:
            return None
        except ConflictError:
            found = api.get(ACCOUNTS, namespace, account.name)
            if found is None:
                return None
            account = Account.of(found)
    raise RetryableError(f"the service account {account.name} is being changed all the time")


def _patched(api: Api, namespace: str, account: Account, pulls: Iterable[str]) -> Account:
    # The version makes it a change of what was seen: the list is replaced as a whole.
    patch = {
        "metadata": {"resourceVersion": account.version},
        _FIELD: [{"name": each} for each in pulls],
    }
    return Account.of(api.patch(ACCOUNTS, namespace, account.name, patch))
