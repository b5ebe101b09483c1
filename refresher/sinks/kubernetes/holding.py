"""What a namespace holds for each registry, told from what was seen of it. Pure."""

from collections.abc import Collection, Mapping

from refresher.model.plan import Absent, Holding, Value
from refresher.ports import Busy
from refresher.sinks.kubernetes.accounts import lacking
from refresher.sinks.kubernetes.choice import Accounts
from refresher.sinks.kubernetes.names import SecretName
from refresher.sinks.kubernetes.pullsecret import PullSecrets
from refresher.sinks.kubernetes.seen import Seen


def content(
    seen: Seen,
    registries: Collection[str],
    names: SecretName,
    accounts: Accounts,
    secrets: PullSecrets,
) -> Mapping[str, Holding] | Busy:
    """Return what pods of a namespace find for each registry.

    `Absent` is also what only some of the service accounts that are meant would pull with: a write
    puts that right. A namespace that is being terminated takes no new Secret, and is `Busy` where
    it would need one.
    """
    found: dict[str, Holding] = {}
    for name, those in names.all(registries).items():
        secret = seen.secrets.get(name)
        if secret is None and seen.ending:
            return Busy("it is being terminated, and takes no new Secret")
        held = secrets.held(secret, those)
        if lacking(seen.accounts, accounts, name):
            held = {each: _unlinked(there) for each, there in held.items()}
        found.update(held)
    return found


def _unlinked(there: Holding) -> Holding:
    return Absent() if isinstance(there, Value) else there
