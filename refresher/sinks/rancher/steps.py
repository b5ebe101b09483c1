"""What to do next for one registry to be supplied: a decision, made anew after each step.

| registry | credentials | next |
|---|---|---|
| none | | make the registry, if that is asked for |
| inactive | | supply it as if it were active, then activate it, if that is asked for |
| active | none | make a credential, if that is asked for |
| active | inactive ones | put the secret into one, then activate it, if that is asked for |
| active | active ones | put the secret into the one that is kept, then deactivate the others |

A credential is changed in place and never replaced: running containers keep the
row that they were made with. What is activated holds the new secret before.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from refresher.model.address import DOCKER_HUB, parse
from refresher.sinks.rancher.names import USUAL, Names
from refresher.sinks.rancher.options import Several
from refresher.sinks.rancher.rows import Credential, Phase, Registry, Seen

_HUB: Final = "index.docker.io"
"""What Rancher calls Docker Hub (DockerImage.java)."""

_LIVE: Final = frozenset({Phase.ACTIVE, Phase.COMING})
_RESTING: Final = frozenset({Phase.IDLE, Phase.LEAVING})


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings allow."""

    create: bool = False
    activate: bool = False
    several: Several = Several.OLDEST
    names: Names = USUAL

    def inactive(self, what: str) -> "Blocked":
        """Return what to tell of something that may not be activated."""
        return Blocked(f"{what} is inactive: activate it in Rancher{_or(self.names.activate)}")

    def missing(self, what: str) -> "Blocked":
        """Return what to tell of something that may not be made."""
        return Blocked(f"{what} in Rancher{_or(self.names.create)}")


@dataclass(frozen=True, slots=True)
class MakeRegistry:
    """There is no registry of this address."""

    address: str


@dataclass(frozen=True, slots=True)
class MakeCredential:
    """The registry has no credential."""

    registry: Registry


@dataclass(frozen=True, slots=True)
class Put:
    """The credential is the one to be supplied."""

    credential: Credential


@dataclass(frozen=True, slots=True)
class Activate:
    """It was inactive, and holds the secret by now."""

    row: Registry | Credential


@dataclass(frozen=True, slots=True)
class Deactivate:
    """Another credential of the registry is `kept`."""

    credential: Credential
    kept: Credential


@dataclass(frozen=True, slots=True)
class Await:
    """A process of the server is under way at `row`; `kept` are the credentials in use after it."""

    row: Registry | Credential
    kept: tuple[Credential, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is left to do: of `registries` the credentials that are `kept` are in use."""

    kept: tuple[Credential, ...]
    registries: tuple[Registry, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A person has to act, or to change the settings."""

    reason: str


Step = MakeRegistry | MakeCredential | Put | Activate | Deactivate | Await | Settled | Blocked


def spelling(address: str) -> str:
    """Return a canonical address as images in Rancher name it."""
    return _HUB if address == DOCKER_HUB else address


def next_step(seen: Seen, address: str, policy: Policy, supplied: Container[str]) -> Step:
    """Return what to do for `address` (in canonical form).

    `supplied` holds the ids of the credentials that hold the secret by now.
    """
    if parse(address).path:
        host = parse(address).host
        return Blocked(f"{address}: Rancher knows hosts, no paths below them: serve {host} instead")
    rows = [row for row in seen.by_address.get(address, ()) if row.phase is not Phase.GONE]
    serving = [row for row in rows if row.phase in _LIVE]
    if serving:
        steps = [_supply(seen, row, address, policy, supplied) for row in serving]
        return _together(steps, serving)
    idle = min(
        (row for row in rows if row.phase in _RESTING),
        key=lambda row: not row.spells(spelling(address)),
        default=None,
    )
    if idle is None:
        return _without_registry(rows, address, policy)
    if not policy.activate:
        return policy.inactive(f"{address}: the registry {idle.id}")
    if idle.phase is Phase.LEAVING:
        return Await(idle)
    step = _supply(seen, idle, address, policy, supplied)
    return Activate(idle) if isinstance(step, Settled) else step


def _without_registry(rows: Sequence[Registry], address: str, policy: Policy) -> Step:
    for row in rows:
        if row.phase is Phase.STUCK:
            return Blocked(_stuck(f"{address}: the registry {row.id}"))
    if not policy.create:
        return policy.missing(f"{address}: there is no such registry: add it")
    # While one is being removed, its address is in use.
    return Await(rows[0]) if rows else MakeRegistry(spelling(address))


def _supply(
    seen: Seen, registry: Registry, address: str, policy: Policy, supplied: Container[str]
) -> Step:
    rows = seen.by_registry.get(registry.id, [])
    live = [row for row in rows if row.phase in _LIVE]
    if not live:
        return _without_live(rows, registry, address, policy, supplied)
    kept = _kept(live, policy.several)
    for row in kept:
        if row.id not in supplied:
            return Put(row)
    for row in kept:
        if row.phase is Phase.COMING:
            return Await(row, kept)
    for row in live:
        if row not in kept:
            return Deactivate(row, kept[0])
    if registry.phase is Phase.COMING:
        return Await(registry, kept)
    return Settled(kept, (registry,))


def _without_live(
    rows: Sequence[Credential],
    registry: Registry,
    address: str,
    policy: Policy,
    supplied: Container[str],
) -> Step:
    resting = [row for row in rows if row.phase in _RESTING]
    if resting and policy.activate:
        row = _kept(resting, policy.several)[0]
        if row.id not in supplied:
            return Put(row)
        return Await(row) if row.phase is Phase.LEAVING else Activate(row)
    if resting:
        return policy.inactive(f"{address}: the credential {resting[0].id}")
    for row in rows:
        if row.phase is Phase.STUCK:
            return Blocked(_stuck(f"{address}: the credential {row.id}"))
    if not policy.create:
        return policy.missing(f"{address}: the registry {registry.id} has no credential: add one")
    return MakeCredential(registry)


def _kept(rows: Sequence[Credential], several: Several) -> tuple[Credential, ...]:
    """Return the credentials to supply; `rows` are those of one registry, the oldest first."""
    if several is Several.ALL:
        return tuple(rows)
    return (rows[-1] if several is Several.NEWEST else rows[0],)


def _together(steps: Sequence[Step], rows: Sequence[Registry]) -> Step:
    """Return the next step for all registries of one address.

    Two rows may have the same: by different spellings, or by a race. Which one a pull
    takes is not for us to say, so each is supplied; one that can't be hides no other.
    """
    settled = [step for step in steps if isinstance(step, Settled)]
    active = [step for step in steps if not isinstance(step, (Settled, Await, Blocked))]
    waiting = [step for step in steps if isinstance(step, Await)]
    if active or waiting:
        return (active or waiting)[0]
    if settled:
        return Settled(tuple(each for step in settled for each in step.kept), tuple(rows))
    return steps[0]


def _or(setting: str) -> str:
    return f", or set {setting}" if setting else ""


def _stuck(what: str) -> str:
    return f"{what} is stuck in Rancher: look there what went wrong, and remove or activate it"


def misspelt(rows: Iterable[Registry], address: str) -> str:
    """Return a note where none of the registries is one that images find, else nothing."""
    rows, wanted = tuple(rows), spelling(address)
    if any(row.spells(wanted) for row in rows):
        return ""
    return (
        f"no image that means {wanted} finds {' or '.join(row.id for row in rows)}, whose address "
        f"is spelt otherwise: add the registry again as {wanted}"
    )
