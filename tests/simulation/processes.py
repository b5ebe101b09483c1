"""The processes of a world: they start, die, sleep, reload, and their host's clock is moved."""

import random
from collections.abc import Callable
from functools import partial

from tests.simulation.kernel import Crew
from tests.simulation.promise import TICK
from tests.simulation.service import Daemon, run_from_cron
from tests.simulation.surroundings import Surroundings
from tests.simulation.world import World

_STEPS = 12


class Processes(Surroundings):
    """The daemons of a world, and the runs of cron beside them. The first daemon is promised on."""

    def __init__(self, world: World, draw: random.Random) -> None:
        super().__init__(world, draw)
        self._count = 0
        self._runs: list[Crew] = []

    def begin(self) -> None:
        """Start the daemons."""
        for number in range(self.world.plan.daemons):
            self._start(number)

    def fault(self, kind: str, seconds: float, over: Callable[[], None]) -> None:
        """Let something happen to the processes, their records, locks, clocks or settings."""
        self.world.journal.fault("processes", kind, f"for {seconds:.1f} s")
        name = "_" + kind.replace(" ", "_")
        getattr(self, name)(seconds, over)

    def die_at_step(self, crew: Crew) -> None:
        """Kill the process if its fuse has burned down."""
        if crew.fuse:
            crew.fuse -= 1
            if not crew.fuse:
                crew.alive = False
                self._kernel.after(0.0, partial(self._bury, crew))
                self._kernel.park()

    def _start(self, number: int) -> None:
        world = self.world
        self._count += 1
        crew = Crew(f"daemon-{number}.{self._count}", lasting=True)
        world.journal.note("processes", f"{crew} starts")
        daemon = Daemon(
            crew,
            world.host,
            world.wire,
            world.journal,
            self._draw,
            drift_interval=world.plan.drift_interval,
        )
        self._daemons[number] = daemon
        if number == 0:
            world.memory_lost(crew)

    def _kill(self, number: int) -> Crew | None:
        daemon = self._daemons.pop(number, None)
        if daemon is None:
            return None
        daemon.crew.alive = False
        self._after_death(daemon.crew, daemon.busy_with)
        return daemon.crew

    def _after_death(self, crew: Crew, busy_with: tuple[str, ...]) -> None:
        world = self.world
        world.journal.note("processes", f"{crew} is killed")
        world.locks.bury(crew)
        for name in busy_with:
            issuer = world.issuers[name]
            issuer.allowance.occasion("a pass was cut off", lasts=world.memory_span)
            for place in issuer.places:
                # What was written was perhaps not recorded, and can't be seen.
                place.unsure = place.opaque

    def _killed(self, seconds: float, over: Callable[[], None]) -> None:
        number = self._draw.randrange(self.world.plan.daemons)
        self._kill(number)
        self._away(number, seconds, over)

    def _away(self, number: int, seconds: float, over: Callable[[], None]) -> None:
        uptime = self.world.service.uptime
        if number == 0:
            uptime.fail(self._kernel.now)

        def back() -> None:
            self._start(number)
            if number == 0:
                uptime.heal(self._kernel.now, linger=1.0)
                self.world.expect_repair_everywhere()
            over()

        self._kernel.after(seconds, back)

    def _killed_at_a_step(self, seconds: float, over: Callable[[], None]) -> None:
        number = self._draw.randrange(self.world.plan.daemons)
        daemon = self._daemons[number]
        daemon.crew.fuse = self._draw.randint(1, _STEPS)
        daemon.crew.on_death = partial(self._burned, number, daemon, seconds, over)

    def _burned(
        self, number: int, daemon: Daemon, seconds: float, over: Callable[[], None]
    ) -> None:
        self._daemons.pop(number, None)
        self._after_death(daemon.crew, daemon.busy_with)
        self._away(number, seconds, over)

    def _bury(self, crew: Crew) -> None:
        if crew.on_death is not None:
            crew.on_death()

    def _suspended(self, seconds: float, over: Callable[[], None]) -> None:
        now, uptime = self._kernel.now, self.world.service.uptime
        for crew in [*self._runs, *(each.crew for each in self._daemons.values())]:
            crew.frozen_from, crew.frozen_until = now, now + seconds
        for daemon in self._daemons.values():
            for name in daemon.busy_with:
                # What was under way comes to its end just when nobody waits for it any more.
                self.world.issuers[name].muddled_until = now + seconds + TICK
        uptime.fail(now)

        def awake() -> None:
            uptime.heal(self._kernel.now)
            self.world.expect_repair_everywhere()
            over()

        self._kernel.after(seconds + TICK, awake)

    def _lock_held(self, seconds: float, over: Callable[[], None]) -> None:
        world = self.world
        issuer = world.issuers[self._draw.choice(sorted(world.issuers))]
        stranger = Crew("a stranger")
        uptime = issuer.uptime

        def hold() -> None:
            world.locks.take(issuer.name, stranger, float("inf"))
            world.journal.note(issuer.name, "a stranger holds the lock")
            self._kernel.sleep(seconds)
            world.locks.give_back(issuer.name, stranger)
            uptime.heal(self._kernel.now, linger=60.0)
            world.expect_repair(issuer.places)
            over()

        uptime.fail(self._kernel.now)
        self._kernel.start(stranger, hold)

    def _lock_broken(self, seconds: float, over: Callable[[], None]) -> None:
        if self.world.plan.daemons > 1 or self._runs:
            over()
            return
        self.world.locks.break_down()

        def repair() -> None:
            self.world.locks.broken = None
            over()

        self._kernel.after(seconds, repair)

    def _once(self, _seconds: float, over: Callable[[], None]) -> None:
        self._count += 1
        crew = Crew(f"once.{self._count}")
        self._runs.append(crew)
        self.world.memory_lost(None)
        engine = self.world.wire(crew)

        def done() -> None:
            self._runs.remove(crew)
            self.world.locks.bury(crew)
            over()

        self._kernel.start(crew, partial(run_from_cron, crew, self.world.host, engine, done=done))
