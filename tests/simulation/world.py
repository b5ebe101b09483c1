"""A world: everything of a plan, put together, and what its parts have to know of each other."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refresher.engine.engine import Engine
from refresher.model.lease import Terms
from refresher.ports import Limits, Records, Sink, Source
from refresher.sinks.memory import MemorySink
from refresher.store import open_store
from refresher.store.memory import MemoryRecords
from tests.simulation.archive import Archive, SimRecords
from tests.simulation.client import Client
from tests.simulation.issuers import Issuer
from tests.simulation.journal import Journal, Teller
from tests.simulation.kernel import Crew, Kernel
from tests.simulation.machine import Host, LockRoom, SimLock, SimWorkers
from tests.simulation.places import Place
from tests.simulation.plan import Plan
from tests.simulation.promise import TICK, Watch
from tests.simulation.sites import OpaqueSink, Site, SiteSink, Target, file_sink, store_sink
from tests.simulation.uptime import Uptime

_ALONE: Final = 180.0
"""How long, in seconds, two passes at once may get into each other's way."""


@dataclass(slots=True)
class Service:
    """The daemon that the promise is of, whichever process it is at the moment."""

    name: str = "processes"
    uptime: Uptime = field(default_factory=Uptime)


class World:
    """The parts of a world. `folder` is for what is kept in real files."""

    def __init__(
        self, plan: Plan, folder: Path, *, trace: Callable[[str], None] | None = None
    ) -> None:
        self.plan = plan
        self.kernel = Kernel()
        self.journal = Journal(self.kernel, plan.seed, trace=trace)
        self.draw = random.Random(f"world {plan.seed}")  # noqa: S311 - a world, no secret
        self.host = Host(self.kernel, rate=plan.rate, error=plan.error)
        self.locks = LockRoom(self.kernel)
        self.service = Service()
        self.step: Callable[[Crew], None] = _no_step
        self.memory_span = 2 * plan.drift_interval + 2 * max(
            each.life for each in plan.issuers.values()
        )
        watch = Watch(self.journal, latency=plan.latency)
        self.watch = watch
        self.archive = Archive(self._records(folder))
        self.issuers = {
            name: Issuer(name, character, self.journal, watch, self.draw)
            for name, character in plan.issuers.items()
        }
        self.sites = {name: self._site(name, folder) for name in plan.sites}
        self._settings = dict.fromkeys(self.issuers, 0)
        self._out: set[str] = set()
        self._hangs = {name: Uptime() for name in self.issuers}
        for issuer in self.issuers.values():
            for site in self.sites.values():
                self._connect(issuer, site)

    def wire(self, crew: Crew) -> Engine:
        """Return an engine for a process, as the settings are now."""
        sources = {
            name: Source(
                Client(issuer, crew, self.host),
                Terms(interval=issuer.character.interval),
                settings=f"version {self._settings[name]}",
            )
            for name, issuer in self.issuers.items()
            if name not in self._out
        }
        sinks: dict[str, Sink] = {
            name: SiteSink(site, crew) for name, site in self.sites.items() if name not in self._out
        }
        return Engine(
            sources,
            sinks,
            records=SimRecords(self.archive, crew, self.step),
            lock=SimLock(self.locks, crew),
            clock=self.host,
            events=Teller(self.journal, crew.name, self._unlocked),
            workers=SimWorkers(self.kernel, crew),
            draw=self.draw.random,
        )

    def hangs_of(self, site: Site) -> list[Uptime]:
        """Return what is down while a call to the site hangs."""
        return [site.uptime, *(self._hangs[name] for name in self.issuers)]

    def places_near(self, site: Site, target: Target) -> list[Place]:
        """Return the places that a fault of a target touches."""
        return [each for it in site.targets.values() for each in it.places.values()] or list(
            target.places.values()
        )

    def expect_repair(self, places: Iterable[Place]) -> None:
        """Hold those places to the promise that are not as they should be."""
        for place in places:
            if not place.gone:
                self.watch.expect_repair(place)

    def expect_repair_everywhere(self) -> None:
        """Hold all places to the promise."""
        for issuer in self.issuers.values():
            self.expect_repair(issuer.places)

    def disturb(self, place: Place) -> None:
        """Take note that a place holds not what we believe."""
        place.disturbed = self.kernel.now
        self.journal.note(place.issuer.name, f"{place} was changed by somebody else")
        self.watch.expect_repair(place)

    def memory_lost(self, crew: Crew | None) -> None:
        """Take note that a process begins that knows no secret; `crew` if it is the daemon."""
        for issuer in self.issuers.values():
            if crew is not None:
                issuer.bearer = None
                issuer.blindfold(crew, self.host.error())
            if issuer.doubted:
                issuer.allowance.occasion("a process knows no secret", lasts=self.memory_span)

    def doubt_records(self, *, away: bool) -> None:
        """Take note that the records may say what is not so."""
        for issuer in self.issuers.values():
            issuer.doubted, issuer.records_away = True, away
            issuer.doubted_at = self.kernel.now
            issuer.allowance.occasion("the records are doubtful", lasts=self.memory_span)

    def clock_moved(self, by: float, bearer: Callable[[], Crew | None]) -> None:
        """Move the wall clock of the host; who looks at a clock sees it at the next tick."""
        now, uptime = self.kernel.now, self.service.uptime
        self.journal.note("processes", f"the wall clock moves by {by:+.1f} s")
        self.host.step(by)
        uptime.fail(now)
        # A wait that was recorded by a clock ahead holds for as much longer, up to the skew limit.
        late = TICK + (min(-by, 31.0) if by < 0 else 0.0)
        self.kernel.after(late, lambda: uptime.heal(self.kernel.now))
        wrong = abs(self.host.error() - self.plan.error) > 1
        for issuer in self.issuers.values():
            issuer.allowance.occasion("the clock was moved", lasts=self.memory_span)
            if by > 0:
                # What was recorded looks dead too early then, and is tried again once a minute.
                issuer.doubted_at = now
            issuer.blindfold(bearer() or Crew("nobody"), self.host.error())
            if not issuer.character.dated:
                (issuer.uptime.fail if wrong else issuer.uptime.heal)(now)
        self.kernel.after(late, self.expect_repair_everywhere)

    def change_settings(self, name: str) -> None:
        """Change the settings of an issuer: it is due."""
        self._settings[name] += 1
        self.issuers[name].allowance.occasion("its settings changed", lasts=self.memory_span)

    def leave_out_site(self, name: str) -> Callable[[], None]:
        """Take a sink out of the settings; return what brings it back."""
        places = [each for it in self.issuers.values() for each in it.places if each.site == name]
        return self._leave_out(name, places, self.sites[name].uptime)

    def leave_out_issuer(self, name: str) -> Callable[[], None]:
        """Take an issuer out of the settings; return what brings it back."""
        return self._leave_out(name, self.issuers[name].places, self.issuers[name].uptime)

    def _leave_out(self, name: str, places: list[Place], uptime: Uptime) -> Callable[[], None]:
        self._out.add(name)
        uptime.fail(self.kernel.now)
        for place in places:
            place.gone = True

        def bring_back() -> None:
            self._out.remove(name)
            uptime.heal(self.kernel.now)
            for place in places:
                place.gone = False
                place.added = self.kernel.now
                self.watch.expect_repair(place)

        return bring_back

    def _unlocked(self, name: str) -> None:
        """Take note that a process went on without the lock: others may be at work."""
        issuer = self.issuers[name]
        issuer.muddled_until = self.kernel.now + _ALONE
        issuer.allowance.occasion("a process does without the lock", lasts=_ALONE)

    def _records(self, folder: Path) -> Records:
        if self.plan.on_disk:
            return open_store(str(folder / "records.db")).records
        return MemoryRecords()

    def _site(self, name: str, folder: Path) -> Site:
        targets = list(self.plan.sites[name])
        sink: Sink
        match self.plan.kinds[name]:
            case "store":
                sink = store_sink(targets[0])
            case "file":
                targets = [str(folder / targets[0])]
                sink = file_sink(Path(targets[0]))
            case "opaque":
                sink = OpaqueSink(targets)
            case _:
                sink = MemorySink(targets)
        site = Site(name, sink, targets, self.journal, self.watch)
        site.read_latency = self.plan.read_latency
        site.write_latency = self.plan.latency / 4
        site.limits = Limits(self.plan.at_once)
        return site

    def _connect(self, issuer: Issuer, site: Site) -> None:
        for target in site.targets.values():
            for registry in issuer.character.registries:
                place = Place(
                    issuer,
                    target,
                    self.service,
                    registry,
                    added=0.0,
                    drift_interval=self.plan.drift_interval,
                    sink=site.uptime,
                    hang=self._hangs[issuer.name],
                    site=site.name,
                    opaque=site.is_opaque,
                )
                target.places[registry] = place
                site.issuers[registry] = issuer
                issuer.places.append(place)
                self.watch.expect_repair(place)


def _no_step(_crew: Crew) -> None:
    """Kill nobody."""
