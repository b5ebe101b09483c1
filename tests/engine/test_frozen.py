"""Another run that is frozen while it holds the lock costs nobody the credential."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.engine.report import Fetch
from refresher.errors import LockTimeoutError, RetryableError
from refresher.model.credential import Credential, Secret
from refresher.model.lease import Lease, State
from refresher.ports import Held
from refresher.store.memory import MemoryRecords
from refresher.testing import EventLog, FakeClock
from tests.fakes import Issuer, Shelf

HOUR = 3600.0
DAEMON = Pass(patient=True)


class FrozenLock:
    """A lock that another run holds for as long as `held`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.held = False
        self.waits: list[float] = []

    @contextmanager
    def hold(self, name: str, wait: float) -> Iterator[None]:
        """Wait in vain, or give the lock."""
        if self.held:
            self.waits += [wait] if wait else []
            self._clock.advance(wait)
            raise LockTimeoutError(f"another run holds {name}")
        yield


class Site:
    """One provider, one sink, and a lock that somebody may sit on."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.issuer = Issuer(self.clock)
        self.shelf = Shelf()
        self.lock = FrozenLock(self.clock)
        self.records = MemoryRecords()
        self.events = EventLog()
        self.engine = Engine(
            {"prod": self.issuer},
            {"shelf": self.shelf},
            records=self.records,
            lock=self.lock,
            clock=self.clock,
            events=self.events,
        )

    @property
    def lease(self) -> Lease:
        """What is recorded."""
        return self.records.lease("prod")


@pytest.fixture
def site() -> Site:
    """A site that is supplied."""
    made = Site()
    made.engine.renew("prod", DAEMON)
    return made


def test_a_daemon_waits_while_there_is_time(site: Site) -> None:
    """A lock that is held is respected as long as nothing is urgent."""
    site.lock.held = True
    site.clock.advance(7 * HOUR)
    report = site.engine.renew("prod", DAEMON)
    assert isinstance(report.error, LockTimeoutError)
    assert site.lock.waits == [60.0]
    assert site.issuer.calls == 1


@pytest.mark.parametrize("hours", [11.5, 13.0], ids=["urgent", "dead"])
def test_a_daemon_goes_on_without_the_lock_before_it_is_too_late(site: Site, hours: float) -> None:
    """One call too many is better than a credential that lapses, and it is told."""
    site.lock.held = True
    site.clock.advance(hours * HOUR)
    site.engine.renew("prod", DAEMON)
    assert site.issuer.calls == 2
    assert site.shelf.secrets() == ["secret-number-2"]
    assert "lock-failed" in site.events.names()


def test_the_wait_leaves_time_to_renew(site: Site) -> None:
    """A credential that ends in a minute is not waited for as long."""
    site.lock.held = True
    site.clock.advance(12 * HOUR - 60)
    site.engine.renew("prod", DAEMON)
    assert site.lock.waits == [pytest.approx(15, abs=0.1)]
    assert site.shelf.secrets() == ["secret-number-2"]


def test_a_first_credential_is_not_kept_away_for_ever() -> None:
    """Where nothing was obtained yet, a frozen run holds up nobody for more than a minute."""
    site = Site()
    site.lock.held = True
    site.engine.renew("prod", DAEMON)
    assert site.lock.waits == [60.0]
    assert site.shelf.secrets() == ["secret-number-1"]


def test_a_run_by_hand_keeps_to_the_lock(site: Site) -> None:
    """Its exit code tells that another run is in the way."""
    site.lock.held = True
    site.clock.advance(13 * HOUR)
    report = site.engine.renew("prod", Pass(lock_wait=5.0))
    assert isinstance(report.error, LockTimeoutError)
    assert site.issuer.calls == 1


@pytest.mark.parametrize("newer", [True, False], ids=["theirs is newer", "ours is newer"])
def test_a_late_answer_does_not_undo_what_another_run_obtained(site: Site, *, newer: bool) -> None:
    """Of two answers the one that ends later is kept, whoever comes first."""
    site.clock.advance(7 * HOUR)

    def overtaken() -> Credential:
        old = site.issuer.mint("asked for long ago")
        site.clock.advance(60)
        now = site.clock.now()
        theirs = Lease(
            ("registry.example",),
            "AWS",
            site.records.fingerprint("AWS", Secret("of another run")),
            issued=now,
            received=now,
            expires=now + timedelta(hours=12 if newer else 11),
            renew_at=now + timedelta(hours=6),
        )
        site.records.save_lease("prod", theirs)
        return old

    site.issuer.script = [overtaken]
    report = site.engine.renew("prod", DAEMON)
    assert (report.fetch is Fetch.NOT_DUE) is newer
    ours = site.records.fingerprint("AWS", Secret("asked for long ago"))
    assert (site.lease.fingerprint != ours) is newer
    assert site.lease.state(site.clock.now()) is State.FRESH


def test_a_late_failure_does_not_undo_what_another_run_obtained(site: Site) -> None:
    """A process that was frozen finds its call failed, and the credential renewed by others."""
    site.clock.advance(7 * HOUR)
    other = Engine(
        {"prod": site.issuer},
        {"shelf": site.shelf},
        records=site.records,
        clock=site.clock,
    )

    def frozen() -> Credential:
        other.renew("prod")
        raise RetryableError("the connection is gone")

    site.issuer.script = [frozen]
    report = site.engine.renew("prod", DAEMON)
    assert report.fetch is Fetch.NOT_DUE
    assert site.shelf.secrets() == [f"secret-number-{site.issuer.calls}"]
    assert site.lease.failure is None


def test_a_look_that_was_frozen_writes_nothing_old() -> None:
    """What was planned before the freeze is out of date."""

    class Freezing(Shelf):
        freeze = False

        def read(self, registries: Collection[str]) -> Held:
            held = super().read(registries)
            if self.freeze:
                self.freeze = False
                clock.advance(7 * HOUR)
                other.renew("prod")
            return held

    clock, records, shelf = FakeClock(), MemoryRecords(), Freezing()
    issuer = Issuer(clock)
    frozen = Engine({"prod": issuer}, {"shelf": shelf}, records=records, clock=clock)
    other = Engine({"prod": issuer}, {"shelf": shelf}, records=records, clock=clock)
    frozen.renew("prod", DAEMON)
    shelf.content["shelf"].clear()
    shelf.freeze = True
    frozen.renew("prod", DAEMON)
    assert issuer.calls == 2
    assert shelf.secrets() == ["secret-number-2"]
