"""What an environment holds for a registry, told by what would still be to do there."""

from typing import Final

from refresher.model.plan import Absent, Foreign, Holding, Opaque, Value
from refresher.sinks.rancher.rows import Credential, Seen
from refresher.sinks.rancher.steps import Await, Blocked, Policy, Settled, next_step


class _Everything:
    """A container that holds whatever it is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


_EVERYTHING: Final = _Everything()


def holding(seen: Seen, address: str, policy: Policy) -> Holding:
    """Return what is held for `address` (in canonical form).

    `Absent` is whatever needs a write: nothing there, something that is to be
    activated, several active credentials that are to become one.
    """
    match next_step(seen, address, policy, _EVERYTHING):
        case Settled(kept) | Await(_, kept) if kept:
            return _told(kept)
        case Blocked(reason):
            return Foreign(reason)
        case _:
            return Absent()


def _told(kept: tuple[Credential, ...]) -> Holding:
    names = {row.username for row in kept}
    if len(names) != 1 or "" in names:
        return Absent()
    username = kept[0].username
    found = {row.secret for row in kept}
    secret = kept[0].secret
    if secret is None:
        return Opaque(username)
    return Value(username, secret) if len(found) == 1 else Absent()
