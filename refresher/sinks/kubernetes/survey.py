"""One look at the namespaces: by lists alone, few of them however many namespaces there are."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refresher.errors import RefresherError
from refresher.ports import Busy, Refused
from refresher.sinks.kubernetes import marks
from refresher.sinks.kubernetes.accounts import Account, listed
from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.choice import Accounts, Namespaces, named
from refresher.sinks.kubernetes.pullsecret import trimmed
from refresher.sinks.kubernetes.rules import NAMESPACES, SECRETS
from refresher.sinks.kubernetes.seen import Seen
from refresher.sinks.outcomes import not_done
from refresher.sinks.sweep import side_by_side

_ENDING: Final = "Terminating"
_UNREAD: Final = Busy("it was not read: others took all the time")

Look = Mapping[str, Seen | Busy | Refused]
"""What was seen of each namespace, or why it can't be told."""


@dataclass(slots=True)
class _Found:
    """What the lists hold, by namespace."""

    secrets: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    interferers: dict[str, dict[str, str]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Account]] = field(default_factory=dict)

    def add(self, secret: Mapping[str, Any], namespace: str, texts: dict[str, str]) -> None:
        """Keep a Secret of a list."""
        name, home = secret["metadata"]["name"], secret["metadata"].get("namespace", namespace)
        self.secrets.setdefault(home, {})[name] = trimmed(secret, texts)
        interferer = marks.interferer(secret)
        if interferer:
            self.interferers.setdefault(home, {})[name] = interferer


@dataclass(frozen=True, slots=True)
class Survey:
    """Looks at `namespaces`, for the Secrets of certain names and the service accounts.

    `at_once` is how many lists are asked for side by side.
    """

    namespaces: Namespaces
    secrets: Collection[str]
    accounts: Accounts
    at_once: int

    def look(self, api: Api) -> Look:
        """Return what was seen of each namespace that is meant; nothing if none is there.

        If the settings alone tell the namespaces, each is asked about alone, and what fails is
        told in its place. Else everything is asked of all namespaces at once. Raises
        `RetryableError` or `PermanentError` if that fails.
        """
        if self.namespaces.fixed:
            return side_by_side(
                lambda each: self._alone(api, each), self.namespaces.fixed, self.at_once
            )
        phases = dict(self._phases(api))
        found = self._found(api, "")
        seen: dict[str, Seen | Busy | Refused] = {
            each: self._seen(found, each, ending=phase == _ENDING) for each, phase in phases.items()
        }
        for missing in self.namespaces.literal:
            if missing not in phases:
                seen[missing] = Busy(self._absent(missing))
        return seen

    def _phases(self, api: Api) -> Iterator[tuple[str, str]]:
        for each in api.list(NAMESPACES, "", self.namespaces.query):
            name, status = each["metadata"]["name"], each.get("status")
            if self.namespaces.fits(name):
                yield name, str(status.get("phase")) if isinstance(status, dict) else ""

    def _alone(self, api: Api, namespace: str) -> Seen | Busy | Refused:
        if api.is_over:
            return _UNREAD
        try:
            return self._seen(self._found(api, namespace), namespace, ending=False)
        except RefresherError as error:
            return not_done(error)

    def _found(self, api: Api, namespace: str) -> _Found:
        found, texts = _Found(), dict[str, str]()
        for name in self.secrets:
            for secret in api.list(SECRETS, namespace, named(name)):
                found.add(secret, namespace, texts)
        for account in listed(api, namespace, self.accounts):
            home = account["metadata"].get("namespace", namespace)
            made = Account.of(account)
            found.accounts.setdefault(home, {})[made.name] = made
        return found

    def _seen(self, found: _Found, namespace: str, *, ending: bool) -> Seen:
        return Seen(
            dict.fromkeys(self.secrets) | found.secrets.get(namespace, {}),
            found.accounts.get(namespace, {}) if self.accounts else None,
            found.interferers.get(namespace, {}),
            ending,
        )

    def _absent(self, namespace: str) -> str:
        labels = f" with the labels {self.namespaces.labels}" if self.namespaces.labels else ""
        return f"there is no namespace {namespace}{labels}: make it, or correct namespaces"
