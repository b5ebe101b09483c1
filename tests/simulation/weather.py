"""When what goes wrong, drawn from the seed: every subject has its faults, one after another."""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.simulation.issuers import Issuer
from tests.simulation.plan import HOUR, ISSUER_FAULTS, PROCESS_FAULTS, TARGET_FAULTS
from tests.simulation.processes import Processes
from tests.simulation.sites import Site
from tests.simulation.telling import told_truly
from tests.simulation.telling import whole as whole_life
from tests.simulation.troubles import ISSUER_TROUBLES, TARGET_TROUBLES, Scene

_SHORT: Final = (0.02, 0.38)
_LONG: Final = (0.4, 1.5)
_VERY_LONG: Final = (1.5, 4.0)


def length(draw: random.Random, life: float) -> float:
    """Return how long an outage lasts: mostly shorter than the promise covers, not always."""
    dice = draw.random()
    share = _SHORT if dice < 0.65 else _LONG if dice < 0.9 else _VERY_LONG
    # What has been dead for an hour will not be deader: days of retries would only cost time.
    return min(draw.uniform(*share) * life, life + HOUR)


class Weather:
    """Brings the faults of a plan over a world."""

    def __init__(self, processes: Processes, draw: random.Random) -> None:
        self._processes = processes
        self._world = processes.world
        self._kernel = self._world.kernel
        self._draw = draw
        self._plan = self._world.plan

    def begin(self) -> None:
        """Start the rows of faults, each with a fault that is to come."""
        lives = [each.life for each in self._plan.issuers.values()]
        for issuer in self._world.issuers.values():
            self._row(ISSUER_FAULTS, issuer.character.life, partial(self._issuer, issuer))
        for site in self._world.sites.values():
            for name in site.targets:
                life = self._draw.choice(lives)
                self._row(TARGET_FAULTS, life, partial(self._target, site, name))
        self._row(PROCESS_FAULTS, self._draw.choice(lives), self._processes.fault)

    def _row(
        self,
        kinds: tuple[str, ...],
        life: float,
        begin: Callable[[str, float, Callable[[], None]], None],
    ) -> None:
        """Let faults follow each other: `begin` is given a kind, a length, what comes after."""
        chosen = [kind for kind in kinds if kind in self._plan.faults]
        if not chosen:
            return

        def wait() -> None:
            pause = self._draw.expovariate(1 / (self._plan.calm * life))
            self._kernel.after(pause, strike)

        def strike() -> None:
            begin(self._draw.choice(chosen), length(self._draw, life), wait)

        wait()

    def _issuer(self, issuer: Issuer, kind: str, seconds: float, over: Callable[[], None]) -> None:
        character = issuer.character
        if kind == "year 9999" and character.interval is None:
            # Nobody can know better then: the promise has nothing to say.
            kind = "no expiry"
        trouble = ISSUER_TROUBLES[kind](issuer, self._draw)
        self._world.journal.fault(issuer.name, kind, f"for {seconds:.1f} s")
        issuer.trouble = trouble.call
        issuer.told = trouble.told or told_truly
        issuer.life = trouble.life or whole_life
        issuer.stuck_at = trouble.stuck
        if trouble.outage:
            issuer.uptime.fail(self._kernel.now)

        def end() -> None:
            issuer.trouble, issuer.told = None, told_truly
            issuer.life, issuer.stuck_at = whole_life, None
            self._world.journal.note(issuer.name, f"{kind} is over")
            if trouble.outage:
                issuer.uptime.heal(
                    self._kernel.now, linger=trouble.linger, permanent=trouble.permanent
                )
                self._world.expect_repair(issuer.places)
            over()

        self._kernel.after(seconds, end)

    def _target(
        self, site: Site, name: str, kind: str, seconds: float, over: Callable[[], None]
    ) -> None:
        target = site.targets[name]
        if kind in ("deleted", "overwritten") or (kind == "losing" and site.is_opaque):
            self._vandalize(site, name, kind)
            over()
            return
        trouble = TARGET_TROUBLES[kind](Scene(self._kernel, self._draw, self._world.disturb))
        self._world.journal.fault(target.name, kind, f"for {seconds:.1f} s")
        now = self._kernel.now
        target.trouble = trouble.trouble
        hangs = [target.uptime]
        if trouble.linger:
            hangs += self._world.hangs_of(site)
        elif kind == "raising":
            # Whoever raises does not say at which target.
            hangs.append(site.uptime)
        for each in hangs:
            each.fail(now)

        def end() -> None:
            target.trouble = None
            self._world.journal.note(target.name, f"{kind} is over")
            for each in hangs:
                each.heal(self._kernel.now, linger=trouble.linger, permanent=trouble.permanent)
            self._world.expect_repair(self._world.places_near(site, target))
            over()

        self._kernel.after(seconds, end)

    def _vandalize(self, site: Site, name: str, kind: str) -> None:
        places = site.targets[name].places
        registry = self._draw.choice(sorted(places)) if places else ""
        if not registry or site.is_opaque or places[registry].gone:
            return
        self._world.journal.fault(site.targets[name].name, kind, registry)
        site.vandalize(name, registry, None if kind == "deleted" else "a-secret-of-theirs")
        places[registry].token = None
        self._world.disturb(places[registry])
