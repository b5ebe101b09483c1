"""What somebody else deleted or overwrote is put back, counted, and told when it goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.model.credential import Secret
from refresher.model.plan import Delivery, Value
from refresher.ports import Busy, Source
from refresher.store.memory import MemoryRecords
from refresher.testing import EventLog, FakeClock
from tests.fakes import Issuer, Shelf

DAEMON = Pass(patient=True)
MINUTE = 60.0
REGISTRY = "registry.example"


class Site:
    """One provider, one sink with three targets, and somebody else."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(self.clock)
        self.shelf = Shelf("one", "two", "three")
        self.records = MemoryRecords()
        self.restart()

    def restart(self) -> None:
        """Start a new process, so to speak."""
        self.events = EventLog()
        self.engine = Engine(
            {"prod": self.issuer},
            {"shelf": self.shelf},
            records=self.records,
            clock=self.clock,
            events=self.events,
        )

    def look(self, minutes: float = 5.0) -> None:
        """Let minutes pass, then make a pass as the daemon does."""
        self.clock.advance(minutes * MINUTE)
        self.engine.renew("prod", DAEMON)

    def delete(self, target: str = "one") -> None:
        """Take the entry away."""
        self.shelf.content[target].clear()

    def overwrite(self, target: str = "one") -> None:
        """Put somebody else's credential there."""
        self.shelf.content[target][REGISTRY] = Value("other", Secret("somebody else's"))

    def recorded(self, target: str = "one") -> Delivery:
        """Return what is recorded of the target."""
        return self.records.deliveries("prod")["shelf", target, REGISTRY]


@pytest.fixture
def site() -> Site:
    """A site that is supplied."""
    made = Site()
    made.look()
    return made


@pytest.mark.parametrize("change", [Site.delete, Site.overwrite], ids=["deleted", "overwritten"])
def test_what_somebody_changed_is_put_back_from_memory(site: Site, change: object) -> None:
    """No provider is asked, and the other targets are not written."""
    assert callable(change)
    change(site)
    site.shelf.writes.clear()
    site.look()
    assert site.shelf.secrets(REGISTRY) == ["secret-number-1"] * 3
    assert site.shelf.writes == [("one", (REGISTRY,))]
    assert site.issuer.calls == 1


def test_after_a_restart_it_is_put_back_from_another_target(site: Site) -> None:
    """A readable target whose fingerprint matches is as good as memory."""
    site.delete()
    site.overwrite("two")
    site.restart()
    site.look()
    assert site.shelf.secrets(REGISTRY) == ["secret-number-1"] * 3
    assert site.issuer.calls == 1


def test_with_the_secret_gone_everywhere_it_costs_exactly_one_fetch(site: Site) -> None:
    """However many targets need it."""
    for target in site.shelf.content:
        site.delete(target)
    site.restart()
    site.look()
    assert site.shelf.secrets(REGISTRY) == ["secret-number-2"] * 3
    assert site.issuer.calls == 2


def test_a_target_that_is_added_later_is_supplied_the_same_way(site: Site) -> None:
    """It counts as no drift: nothing was there before."""
    site.shelf.content["four"] = {}
    site.look()
    assert site.shelf.secrets(REGISTRY) == ["secret-number-1"] * 4
    assert site.issuer.calls == 1
    assert site.recorded("four").repairs == 0
    assert "drift" not in site.events.names()


def test_repairs_are_counted_per_place(site: Site) -> None:
    """The records keep the count over restarts and renewals."""
    for _ in range(2):
        site.overwrite()
        site.restart()
        site.look(minutes=30)
    site.look(minutes=7 * 60)
    assert site.issuer.calls == 2
    assert site.recorded("one").repairs == 2
    assert site.recorded("two").repairs == 0


def test_a_repair_that_fails_is_not_counted(site: Site) -> None:
    """Only what was put back counts."""
    site.delete()
    site.shelf.faults["one"] = Busy("locked")
    site.look()
    assert site.recorded().repairs == 0
    site.shelf.faults.clear()
    site.look()
    assert site.recorded().repairs == 1


@pytest.mark.parametrize("restarts", [False, True], ids=["daemon", "cron"])
def test_three_repairs_in_ten_minutes_are_a_fight(site: Site, *, restarts: bool) -> None:
    """It is told loudly, with the place; a cron job every five minutes sees it, too."""
    for repair in range(3):
        site.overwrite()
        if restarts:
            site.restart()
        site.look()
        fights = [event for event in site.events.seen if event.name == "fight"]
        assert bool(fights) is (repair == 2)
    assert (fights[0].severity, fights[0].target) == ("error", "one")


def test_three_repairs_in_an_hour_are_no_fight(site: Site) -> None:
    """Somebody who changes a file now and then is none."""
    for _ in range(5):
        site.overwrite()
        site.look(minutes=20)
    assert "fight" not in site.events.names()


def test_a_fight_is_over_when_the_place_is_left_alone(site: Site) -> None:
    """The record of it fades."""
    for _ in range(3):
        site.overwrite()
        site.look()
    assert site.recorded().fought_over(site.clock.now())
    site.look(minutes=15)
    assert not site.recorded().fought_over(site.clock.now())


@pytest.mark.parametrize("ahead", [-3600, 30 * 86_400], ids=["before", "long after"])
def test_a_moved_clock_makes_no_fight(site: Site, ahead: float) -> None:
    """Moments that can't be are not counted."""
    now = site.clock.now()
    record = Delivery()
    for _ in range(3):
        record = record.repaired_at(now)
    assert record.fought_over(now)
    assert not record.fought_over(now + timedelta(seconds=ahead))


def test_a_renewal_is_no_drift(site: Site) -> None:
    """What the place held was the last credential."""
    site.look(minutes=7 * 60)
    assert site.issuer.calls == 2
    assert site.recorded() == replace(site.recorded(), repairs=0, repaired=())
    assert "drift" not in site.events.names()


def test_a_changed_provider_is_no_drift(site: Site) -> None:
    """Settings that change bring a new credential, and nobody is blamed for the old one."""
    source = Source(site.issuer, settings="changed")
    site.engine = Engine(
        {"prod": source}, {"shelf": site.shelf}, records=site.records, clock=site.clock
    )
    site.look()
    assert site.shelf.secrets(REGISTRY) == ["secret-number-2"] * 3
    assert site.recorded().repairs == 0
