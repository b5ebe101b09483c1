"""Sites: what really is behind a sink, and how it fails, whoever writes to it."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from greenlet import GreenletExit

from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.plan import Absent, Holding, Opaque
from refresher.ports import Busy, Change, Held, Limits, Outcome, Refused, Sink, Store, Written
from refresher.sinks.docker_config import DockerConfig
from refresher.sinks.memory import MemorySink
from refresher.sinks.privatefile import PrivateFile
from refresher.sinks.store import StoreSink
from refresher.store.memory import MemoryStore
from tests.simulation.issuers import Issuer
from tests.simulation.journal import Journal
from tests.simulation.kernel import Crew
from tests.simulation.machine import moment
from tests.simulation.places import Place, Token
from tests.simulation.promise import Watch
from tests.simulation.uptime import Uptime

_LATE: Final = 1.0


Work = Callable[[], Outcome]
"""What a write would do."""


class Trouble(Protocol):
    """What is wrong with a target: it may answer in its place, raise, wait or lie."""

    def read(self) -> Busy | Refused | None:
        """Return what a read of the target answers, None to go on."""
        ...

    def write(self, apply: Work, places: Sequence[Place]) -> Outcome:
        """Return what a write answers; `apply` is what it would do, at `places`."""
        ...


class Target:
    """One target of a site, and what is wrong with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uptime = Uptime()
        self.trouble: Trouble | None = None
        self.places: dict[str, Place] = {}


class Site:
    """Everything behind one sink; `sink` is the real one, that a process would use."""

    def __init__(
        self, name: str, sink: Sink, targets: Sequence[str], journal: Journal, watch: Watch
    ) -> None:
        self.name = name
        self.journal = journal
        self.kernel = journal.kernel
        self.sink = sink
        self.targets = {each: Target(f"{name}/{each}") for each in targets}
        self.uptime = Uptime()
        self.issuers: dict[str, Issuer] = {}
        self.watch = watch
        self.read_latency = 0.0
        self.write_latency = 0.02
        self.limits = Limits()

    @property
    def is_opaque(self) -> bool:
        """Whether what it holds can't be read back."""
        return isinstance(self.sink, OpaqueSink)

    def vandalize(self, target: str, registry: str, secret: str | None) -> None:
        """Change an entry, as somebody else would; None takes it away."""
        if secret is not None:
            self.sink.write(target, [Change(registry, _somebodys(registry, secret))])
            return
        match self.sink:
            case StoreSink():
                self.sink.store._credentials.pop((target, registry), None)  # type: ignore[attr-defined]
            case MemorySink():
                self.sink._held[target].pop(registry, None)
            case _:
                document = json.loads(Path(target).read_text())
                document["auths"].pop(registry, None)
                Path(target).write_text(json.dumps(document))

    def applied(self, target: str, changes: Sequence[Change], *, late: bool) -> None:
        """Take note that a write of ours has taken effect."""
        self.journal.counts["writes"] += 1
        for change in changes:
            place = self.targets[target].places[change.registry]
            token = self.issuers[change.registry].tokens[change.credential.secret.reveal()]
            self.watch.written(place, token, late=late)
            self._put(place, token, late=late)

    def _put(self, place: Place, token: Token, *, late: bool) -> None:
        newest = place.issuer.newest
        place.token, place.unsure, place.unrecorded = token, late, late
        # A late write of an old token undoes a newer one, as somebody else would.
        undone = late and newest is not None and newest.serial > token.serial
        place.disturbed = self.kernel.now if undone else None
        self.kernel.at(token.ends, lambda: self.watch.ended(place, token))
        if late and place.opaque:
            for other in place.issuer.places:
                # Nobody can tell which of them the call that hung has written.
                other.unsure = other.unsure or other.sink is place.sink
        if undone:
            self.watch.expect_repair(place)


class SiteSink:
    """The `Sink` by which one process reaches a site."""

    def __init__(self, site: Site, crew: Crew) -> None:
        self._site = site
        self._crew = crew

    @property
    def limits(self) -> Limits:
        """See `HasLimits`."""
        return self._site.limits

    def read(self, registries: Collection[str]) -> Held:
        """See `Sink.read`."""
        site = self._site
        self._check()
        if site.read_latency:
            site.kernel.sleep(site.read_latency)
        answers = {
            name: answer
            for name, target in site.targets.items()
            if target.trouble is not None and (answer := target.trouble.read()) is not None
        }
        held = site.sink.read(registries)
        return held if not answers else {**held, **answers}

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """See `Sink.write`."""
        site = self._site
        self._check()
        began = site.kernel.now

        def apply() -> Outcome:
            site.kernel.sleep(site.write_latency)
            self._check()
            outcome = site.sink.write(target, changes)
            if isinstance(outcome, Written):
                site.applied(target, changes, late=site.kernel.now - began > _LATE)
            site.kernel.sleep(site.write_latency)
            return outcome

        it = site.targets[target]
        if it.trouble is None:
            return apply()
        return it.trouble.write(apply, [it.places[change.registry] for change in changes])

    def _check(self) -> None:
        if not self._crew.alive:
            raise GreenletExit


class OpaqueSink:
    """A sink whose secrets can't be read back, as in Rancher."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._held: dict[str, dict[str, str]] = {target: {} for target in targets}

    def read(self, registries: Collection[str]) -> Held:
        """See `Sink.read`."""
        return {
            target: {registry: self._holding(held, registry) for registry in registries}
            for target, held in self._held.items()
        }

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """See `Sink.write`."""
        self._held[target].update((each.registry, each.credential.username) for each in changes)
        return Written()

    @staticmethod
    def _holding(held: Mapping[str, str], registry: str) -> Holding:
        return Opaque(held[registry]) if registry in held else Absent()


def store_sink(environment: str) -> StoreSink:
    """Return a sink over a store of its own."""
    store: Store = MemoryStore()
    return StoreSink(store, environment)


def file_sink(path: Path) -> DockerConfig:
    """Return a sink over a docker config.json."""
    path.write_text('{"auths": {}}')
    path.chmod(0o600)
    return DockerConfig(PrivateFile(path))


def _somebodys(registry: str, secret: str) -> Credential:
    return Credential(
        (registry,), "somebody", Secret(secret), issued_at=moment(0), expires_at=NEVER
    )
