"""What a world is like, drawn from its seed: issuers, targets, clocks and the weather."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.issuers import Character

HOUR: Final = 3600.0
DAY: Final = 86_400.0
YEAR: Final = 365.25 * DAY

ISSUER_FAULTS: Final = (
    "throttled",
    "server error",
    "expired session",
    "timing out",
    "hanging",
    "denied",
    "clock refused",
    "bug",
    "nonsense",
    "ended answer",
    "1970",
    "nearly dead",
    "short life",
    "no expiry",
    "year 9999",
    "slow",
)
TARGET_FAULTS: Final = (
    "busy",
    "conflict",
    "refused",
    "raising",
    "hanging target",
    "late write",
    "losing",
    "unsure",
    "deleted",
    "overwritten",
)
PROCESS_FAULTS: Final = (
    "killed",
    "killed at a step",
    "suspended",
    "records away",
    "records lost",
    "records rolled back",
    "lock held",
    "lock broken",
    "clock jump",
    "clock step",
    "reload",
    "reload of a sink",
    "reload of an issuer",
    "once",
)
FAULTS: Final = ISSUER_FAULTS + TARGET_FAULTS + PROCESS_FAULTS


@dataclass(frozen=True, slots=True)
class Plan:
    """A world before its first moment. Times in seconds.

    `calm` is the mean time between two faults of one subject, in lives of a token.
    """

    seed: int
    issuers: Mapping[str, Character]
    sites: Mapping[str, Sequence[str]]
    drift_interval: float
    duration: float
    calm: float
    faults: Sequence[str] = FAULTS
    rate: float = 1.0
    error: float = 0.0
    read_latency: float = 0.0
    on_disk: bool = False
    daemons: int = 1
    at_once: int = 1
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def latency(self) -> float:
        """The longest time that a call takes where nothing fails."""
        return max(each.latency for each in self.issuers.values())

    @property
    def credential_years(self) -> float:
        """One issuer's token kept for a year is one."""
        return len(self.issuers) * self.duration / YEAR


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of world: lives to choose from, and how many passes it may cost.

    A rich one has more of everything around the issuers.
    """

    lives: Sequence[float]
    drift_interval: float
    calm: tuple[float, float]
    passes: float
    most_issuers: int = 6
    rich: bool = True


_AN_HOUR: Final = HOUR / 0.95
"""A look for drift comes up to a tenth of the interval early: this makes one an hour."""

PROFILES: Final[Mapping[str, Profile]] = {
    # Dense faults and short lives: what a test run looks at.
    "brisk": Profile((60, 90, 120, 300, 600, 900), 300, (3, 12), 1200),
    "hourly": Profile((900, 1800, HOUR, HOUR, 3 * HOUR), 300, (4, 20), 1200),
    "daily": Profile((6 * HOUR, 12 * HOUR, 12 * HOUR), HOUR, (3, 15), 1200),
    # Years, as they go by.
    "years": Profile((12 * HOUR, DAY, DAY), _AN_HOUR, (200, 800), 15_000, 12, rich=False),
    "years-5min": Profile((12 * HOUR, DAY), _AN_HOUR / 12, (200, 800), 15_000, 12, rich=False),
}
_ON_DISK: Final = 0.05
"""How much shorter a world is that writes real files."""

SLICE: Final = ("brisk", "hourly", "daily")


def draw(seed: int, profile: str, faults: Sequence[str] = FAULTS) -> Plan:
    """Return the world of a seed."""
    kind, rng = PROFILES[profile], random.Random(f"{profile} {seed}")  # noqa: S311 - a world, no secret
    lives = [rng.choice(kind.lives) for _ in range(rng.randint(1, kind.most_issuers))]
    # Where no answer carries a time, only a right clock can be coped with.
    dated = rng.random() < 0.6
    issuers = {
        f"issuer-{number}": _character(kind, number, life, rng, dated=dated or rng.random() < 0.5)
        for number, life in enumerate(lives)
    }
    sites, kinds = _sites(kind, rng)
    on_disk = kind.rich and rng.random() < 0.05
    wakes = sum(1 / min(kind.drift_interval, life / 2) for life in lives)
    return Plan(
        seed,
        issuers,
        sites,
        kind.drift_interval,
        duration=kind.passes / wakes * (_ON_DISK if on_disk or "file" in kinds.values() else 1),
        calm=rng.uniform(*kind.calm),
        faults=faults,
        rate=rng.choice((1.0, 1.0, 1 + rng.uniform(-1e-3, 1e-3))),
        error=rng.choice((0.0, rng.uniform(-29, 29), rng.uniform(-5, 5) * YEAR)) * dated,
        read_latency=rng.choice((0.0, 0.0, 0.01)) * kind.rich,
        on_disk=on_disk,
        daemons=2 if rng.random() < (0.25 if kind.rich else 0.05) else 1,
        at_once=rng.choice((1, 2, 4)),
        kinds=kinds,
    )


def _sites(kind: Profile, rng: random.Random) -> tuple[dict[str, Sequence[str]], dict[str, str]]:
    """Return the targets of each sink, and what kind of sink it is."""
    kinds = {
        f"sink-{number}": rng.choice(("store", "memory", "memory", "opaque"))
        for number in range(rng.choice((1, 1, 2, 2, 3)) if kind.rich else 1)
    }
    sites: dict[str, Sequence[str]] = {}
    for name, sort in kinds.items():
        count = rng.choice((1, 1, 2, 3)) if kind.rich and sort != "store" else 1
        sites[name] = tuple(f"target-{number}" for number in range(count))
    if kind.rich and rng.random() < 0.1:
        kinds["sink-0"], sites["sink-0"] = "file", ("config.json",)
    return sites, kinds


def _character(
    kind: Profile, number: int, life: float, rng: random.Random, *, dated: bool
) -> Character:
    count = rng.choice((1, 1, 2, 5)) if kind.rich else 1
    registries = tuple(f"registry-{number}-{each}.example" for each in range(count))
    often = 0.25 if kind.rich else 0.01
    cached = life >= 900 and rng.random() < often
    return Character(
        life,
        registries,
        fresh_below=max(life * rng.uniform(0.05, 0.6), 60.0) if cached else None,
        interval=life * rng.uniform(0.2, 0.5) if rng.random() < often else None,
        dated=dated,
        latency=rng.uniform(0.02, min(0.2, life / 600)),
    )
