"""One write at one namespace: its Secrets, and then the accounts that pull with them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from refresher.errors import RefresherError, RetryableError
from refresher.model.credential import Credential
from refresher.model.plan import Holding, Value
from refresher.ports import Change, Outcome, Written
from refresher.sinks.kubernetes.accounts import Linking
from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.choice import Accounts
from refresher.sinks.kubernetes.faults import ConflictError, GoneError
from refresher.sinks.kubernetes.marks import KEY
from refresher.sinks.kubernetes.names import SecretName
from refresher.sinks.kubernetes.pullsecret import PullSecrets, Wanted, trimmed
from refresher.sinks.kubernetes.rules import SECRETS
from refresher.sinks.kubernetes.seen import Secret, Secrets, Seen
from refresher.sinks.outcomes import not_done, together

_CONFLICTS: Final = 3


class Writing:
    """Writes from what was seen, and looks again only where that is no longer so."""

    def __init__(
        self, api: Api, namespace: str, names: SecretName, accounts: Accounts, secrets: PullSecrets
    ) -> None:
        """Take the namespace, and what the settings say."""
        self._api = api
        self._namespace = namespace
        self._names = names
        self._accounts = accounts
        self._secrets = secrets

    def run(self, seen: Seen, changes: Sequence[Change]) -> tuple[Seen, Outcome]:
        """Make the changes, and return what is there now and what came of them.

        One Secret that fails hides no other; accounts are given those that are there.
        """
        held, outcomes, there = dict(seen.secrets), list[Outcome](), list[str]()
        for name, wanted in self._by_name(changes).items():
            look = {name: held.pop(name)} if name in held else {}
            try:
                before, held[name] = self._put(name, wanted, look)
            except RefresherError as error:
                outcomes.append(not_done(error))
            else:
                there.append(name)
                outcomes.append(Written(_notes(name, before, held[name], seen)))
        linking = Linking(self._api, self._namespace, self._accounts)
        accounts, linked = linking.run(seen.accounts, there)
        outcome = together(f"namespace {self._namespace}", [*outcomes, *linked])
        return Seen(held, accounts, ending=seen.ending), outcome

    def _by_name(self, changes: Sequence[Change]) -> Mapping[str, Wanted]:
        credentials = {change.registry: change.credential for change in changes}
        return {
            name: tuple((each, credentials[each]) for each in registries)
            for name, registries in self._names.all(credentials).items()
        }

    def _put(self, name: str, wanted: Wanted, look: Secrets) -> tuple[Secret, Secret]:
        """Return the Secret as it was, and with all that is `wanted`.

        `look` may hold it as it was seen. Raises `RetryableError` or `PermanentError`.
        """
        for _ in range(1 + _CONFLICTS):
            found = look or {name: self._api.get(SECRETS, self._namespace, name)}
            try:
                return found[name], self._written(name, wanted, found[name])
            except (ConflictError, GoneError):
                look = {}
        raise RetryableError(f"Secret {self._namespace}/{name} is being changed all the time")

    def _written(self, name: str, wanted: Wanted, before: Secret) -> Secret:
        if before is None:
            sent = self._secrets.new(name, self._namespace, wanted)
            answer = self._api.create(SECRETS, self._namespace, sent)
        else:
            changed = self._secrets.changed(before, wanted)
            if changed is None:
                return before
            sent = changed
            answer = self._api.update(SECRETS, self._namespace, sent)
        self._verify(name, wanted, sent, answer)
        return trimmed(answer, {text: text for text in sent["data"].values()})

    def _verify(
        self, name: str, wanted: Wanted, sent: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:
        """Insist that the answer shows what was sent: webhooks may change it on the way."""
        shown = answer.get("data")
        if isinstance(shown, dict) and shown.get(KEY) == sent["data"][KEY]:
            return
        held = self._secrets.held(answer, [registry for registry, _ in wanted])
        for registry, credential in wanted:
            if not _is(held[registry], credential):
                raise RetryableError(
                    f"the server said that it wrote Secret {self._namespace}/{name}, and shows "
                    f"that it holds something else for {registry}"
                )


def _is(held: Holding, credential: Credential) -> bool:
    wanted = (credential.username, credential.secret)
    return isinstance(held, Value) and (held.username, held.secret) == wanted


def _notes(name: str, before: Secret, after: Secret, seen: Seen) -> tuple[str, ...]:
    """Tell of what is no ordinary renewal; by its name people find who else writes a Secret."""
    if before is None:
        return (f"made Secret {name}",)
    other = seen.interferers.get(name)
    return (f"{other} had written Secret {name}",) if other and after is not before else ()
