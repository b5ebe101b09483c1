"""Taking back what was put into one namespace: from its accounts first, and then its Secrets."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from refresher.errors import RefresherError, RetryableError
from refresher.ports import Outcome, Written
from refresher.sinks.kubernetes.accounts import Account, listed, settled
from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.choice import Accounts
from refresher.sinks.kubernetes.faults import ConflictError, GoneError
from refresher.sinks.kubernetes.removal import is_touched, rest
from refresher.sinks.kubernetes.rules import SECRETS
from refresher.sinks.kubernetes.seen import Secret, Secrets, Seen
from refresher.sinks.outcomes import not_done, together

_CONFLICTS: Final = 3

Notes = tuple[str, ...]


class Retiring:
    """Removes our Secrets and entries. What was seen is where it starts; nothing else is removed.

    Accounts lose the names of the Secrets that go. One that stays, since it holds what others put
    there, may be what they pull with.
    """

    def __init__(self, api: Api, namespace: str, accounts: Accounts) -> None:
        """Take the namespace, and which of its accounts are meant."""
        self._api = api
        self._namespace = namespace
        self._accounts = accounts

    def run(self, seen: Seen, names: Mapping[str, Collection[str]]) -> Outcome:
        """Retire the Secrets of these names, each with the registries that may be in it.

        One that fails hides no other.
        """
        outcomes: list[Outcome] = []
        for name, registries in names.items():
            look = {name: seen.secrets[name]} if name in seen.secrets else {}
            try:
                outcomes.append(Written(self._retired(name, registries, look)))
            except RefresherError as error:
                outcomes.append(not_done(error))
        return together(f"namespace {self._namespace}", outcomes)

    def _retired(self, name: str, registries: Collection[str], look: Secrets) -> Notes:
        unlinked: Notes = ()
        for _ in range(1 + _CONFLICTS):
            found = look or {name: self._api.get(SECRETS, self._namespace, name)}
            secret, look = found[name], {}
            if secret is not None and not is_touched(secret):
                return (*unlinked, f"Secret {name} is not ours, and stays")
            after = None if secret is None else rest(secret, registries)
            if after is None:
                unlinked += tuple(self._unlinked(name))
            try:
                return (*unlinked, *self._removed(name, secret, after))
            except (ConflictError, GoneError):
                continue
        raise RetryableError(f"Secret {self._namespace}/{name} is being changed all the time")

    def _removed(self, name: str, secret: Secret, after: Secret) -> Notes:
        if secret is None:
            return ()
        if after is None:
            self._api.delete(SECRETS, self._namespace, secret)
            return (f"deleted Secret {name}",)
        self._api.update(SECRETS, self._namespace, after)
        return (f"took our entries out of Secret {name}, which holds what others put there",)

    def _unlinked(self, secret: str) -> Iterator[str]:
        # Looked at anew: whoever has gained the name since would be left with it.
        for account in map(Account.of, listed(self._api, self._namespace, self._accounts)):
            if secret in account.pulls:
                settled(self._api, self._namespace, account, lambda each: _less(each, secret))
                yield f"service account {account.name} no longer pulls with {secret}"


def _less(account: Account, secret: str) -> tuple[str, ...]:
    return tuple(each for each in account.pulls if each != secret)
