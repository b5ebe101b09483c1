"""Providers and sinks that implement the real ports and fail on request."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from refresher.errors import StoreError
from refresher.model.credential import Credential, Expiry, Secret
from refresher.model.lease import Lease
from refresher.model.plan import Absent, Delivery, Foreign, Holding, Opaque, Value
from refresher.ports import (
    Busy,
    Change,
    Clock,
    Held,
    Judgement,
    Outcome,
    Place,
    Refused,
    Verdict,
    Written,
)
from refresher.store.memory import MemoryRecords


class Issuer:
    """A provider that mints a new secret at each fetch, unless it is told what to do instead.

    `script` holds what the next fetches do: raise an exception, answer with a
    credential, or run a function. `life` is in seconds, or an expiry that is no time.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        registries: tuple[str, ...] = ("registry.example",),
        life: float | Expiry = 43_200.0,
    ) -> None:
        self.clock = clock
        self.registries = registries
        self.life = life
        self.calls = 0
        self.script: list[Exception | Credential | Callable[[], Credential]] = []

    def fetch(self, deadline: float) -> Credential:  # noqa: ARG002 - the port's signature
        """Do what the script says, else mint."""
        self.calls += 1
        step = self.script.pop(0) if self.script else self.mint
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Credential) else step()

    def mint(self, text: str | None = None) -> Credential:
        """Return a new credential that starts now."""
        now = self.clock.now()
        expires: Expiry
        if isinstance(self.life, (int, float)):
            expires = now + timedelta(seconds=self.life)
        else:
            expires = self.life
        secret = Secret(text or f"secret-number-{self.calls}")
        return Credential(self.registries, "AWS", secret, issued_at=now, expires_at=expires)


class FileIssuer(Issuer):
    """An issuer that also depends on files."""

    def __init__(self, clock: Clock, *files: Path) -> None:
        super().__init__(clock)
        self.files = files

    def inputs(self) -> Sequence[Path]:
        """Return the files."""
        return self.files


class Shelf:
    """A sink over a few targets that can be told to fail.

    `faults` maps a target to what its reads and writes answer or raise; `opaque`
    hides secrets, as Rancher does; `foreign` holds registries that are not ours.
    """

    def __init__(self, *targets: str) -> None:
        self.content: dict[str, dict[str, Value]] = {target: {} for target in targets or ("shelf",)}
        self.faults: dict[str, Busy | Refused | Exception] = {}
        self.read_fault: Exception | None = None
        self.opaque = False
        self.foreign: dict[str, str] = {}
        self.reads = 0
        self.writes: list[tuple[str, tuple[str, ...]]] = []
        self.gate: threading.Event | None = None

    def read(self, registries: Collection[str]) -> Held:
        """See `refresher.ports.Sink`."""
        self.reads += 1
        if self.gate is not None:
            self.gate.wait(10)
        if self.read_fault is not None:
            raise self.read_fault
        return {
            target: {registry: self._holding(target, registry) for registry in registries}
            for target in self.content
        }

    def _holding(self, target: str, registry: str) -> Holding:
        if registry in self.foreign:
            return Foreign(self.foreign[registry])
        held = self.content[target].get(registry)
        if held is None:
            return Absent()
        return Opaque(held.username) if self.opaque else held

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """See `refresher.ports.Sink`."""
        fault = self.faults.get(target)
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            return fault
        self.writes.append((target, tuple(change.registry for change in changes)))
        for change in changes:
            given = change.credential
            self.content[target][change.registry] = Value(given.username, given.secret, given.email)
        return Written()

    def secrets(self, registry: str = "registry.example") -> list[str]:
        """Return the secret of each target, in order; an empty text where there is none."""
        return [
            held[registry].secret.reveal() if registry in held else ""
            for held in self.content.values()
        ]


class Judge:
    """A verifier that says what it is told to, by secret or by registry, and accepts the rest."""

    def __init__(self, **verdicts: Verdict) -> None:
        self.by_secret: dict[str, Verdict] = verdicts
        self.by_registry: dict[str, Verdict | Exception] = {}
        self.asked: list[tuple[str, str]] = []

    def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
        """See `refresher.ports.Verifier`."""
        assert deadline > 0
        secret = credential.secret.reveal()
        self.asked.append((registry, secret))
        verdict = self.by_registry.get(registry, self.by_secret.get(secret, Verdict.ACCEPTED))
        if isinstance(verdict, Exception):
            raise verdict
        return Judgement(verdict, f"it is {verdict}")


def hours(clock: Clock, count: float) -> datetime:
    """Return the moment `count` hours from now."""
    return clock.now() + timedelta(hours=count)


class FlakyRecords(MemoryRecords):
    """Records that fail while `down`."""

    down = False

    def _check(self) -> None:
        if self.down:
            raise StoreError("the disk is gone", hint="bring it back")

    def fingerprint(self, username: str, secret: Secret) -> bytes:
        """Fail, or go on."""
        self._check()
        return super().fingerprint(username, secret)

    def lease(self, provider: str) -> Lease:
        """Fail, or go on."""
        self._check()
        return super().lease(provider)

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Fail, or go on."""
        self._check()
        super().save_lease(provider, lease)

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Fail, or go on."""
        self._check()
        return super().deliveries(provider)

    def save_deliveries(self, provider: str, deliveries: Mapping[Place, Delivery]) -> None:
        """Fail, or go on."""
        self._check()
        super().save_deliveries(provider, deliveries)

    def forget(self, provider: str, places: Collection[Place]) -> None:
        """Fail, or go on."""
        self._check()
        super().forget(provider, places)
