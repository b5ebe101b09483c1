"""What happens around the processes: to their records, their clock, their settings."""

import random
from collections.abc import Callable, Mapping

from tests.simulation.plan import YEAR
from tests.simulation.service import Daemon
from tests.simulation.world import World


class Surroundings:
    """The records, the clock and the settings of a world's daemons, by number."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world = world
        self._kernel = world.kernel
        self._draw = draw
        self._daemons: dict[int, Daemon] = {}

    def _records_away(self, seconds: float, over: Callable[[], None]) -> None:
        if self.world.plan.daemons > 1:
            # Without records two daemons know nothing of each other, and nobody promises that.
            over()
            return
        self.world.archive.down = True
        self.world.doubt_records(away=True)

        def back() -> None:
            self.world.archive.down = False
            self.world.doubt_records(away=False)
            over()

        self._kernel.after(seconds, back)

    def _records_lost(self, _seconds: float, over: Callable[[], None]) -> None:
        self.world.archive.lose()
        self.world.doubt_records(away=False)
        over()

    def _records_rolled_back(self, seconds: float, over: Callable[[], None]) -> None:
        restore = self.world.archive.copy()

        def back() -> None:
            if restore is not None:
                restore()
                self.world.doubt_records(away=False)
            over()

        self._kernel.after(seconds, back)

    def _clock_jump(self, seconds: float, over: Callable[[], None]) -> None:
        self._move(self._draw.uniform(-5, 5) * YEAR, seconds, over)

    def _clock_step(self, seconds: float, over: Callable[[], None]) -> None:
        life = self._draw.choice([each.life for each in self.world.plan.issuers.values()])
        self._move(self._draw.choice((60.0, life)) * self._draw.uniform(-1, 1), seconds, over)

    def _move(self, by: float, seconds: float, over: Callable[[], None]) -> None:
        """Move the wall clock, and back after a while: somebody sets it right."""
        self._step(by)

        def right() -> None:
            self._step(-by)
            over()

        self._kernel.after(seconds, right)

    def _step(self, by: float) -> None:
        world, now = self.world, self._kernel.now
        for daemon in self._daemons.values():
            if daemon.crew.frozen_until <= now:
                daemon.look()
        world.clock_moved(by, lambda: self._daemons[0].crew if 0 in self._daemons else None)
        for daemon in self._daemons.values():
            daemon.look_soon()

    def _reload(self, _seconds: float, over: Callable[[], None]) -> None:
        issuer = self._draw.choice(sorted(self.world.issuers))
        self.world.change_settings(issuer)
        self._take_up()
        over()

    def _reload_of_a_sink(self, seconds: float, over: Callable[[], None]) -> None:
        self._leave_out(self.world.sites, self.world.leave_out_site, seconds, over)

    def _reload_of_an_issuer(self, seconds: float, over: Callable[[], None]) -> None:
        self._leave_out(self.world.issuers, self.world.leave_out_issuer, seconds, over)

    def _leave_out(
        self,
        parts: Mapping[str, object],
        leave_out: Callable[[str], Callable[[], None]],
        seconds: float,
        over: Callable[[], None],
    ) -> None:
        if len(parts) < 2:
            over()
            return
        bring_back = leave_out(self._draw.choice(sorted(parts)))
        self._take_up()

        def back() -> None:
            bring_back()
            self._take_up()
            over()

        self._kernel.after(seconds, back)

    def _take_up(self) -> None:
        for number, daemon in self._daemons.items():
            daemon.reload()
            if number == 0:
                self.world.memory_lost(daemon.crew)
