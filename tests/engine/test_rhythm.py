"""In every failing state the passes keep to their rhythm: no hot loop, and nothing stops trying.

The daemon's own floor is a pass a second; here it is played by hand on a clock
that is pushed.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from refresher.engine.engine import Engine, Pass
from refresher.errors import PermanentError, RetryableError, StoreError
from refresher.model.credential import Credential
from refresher.model.lease import Lease
from refresher.ports import Busy, Change, Outcome, Refused, Source
from refresher.store.memory import MemoryLock, MemoryRecords
from refresher.testing import EventLog, FakeClock
from tests.fakes import Issuer, Shelf

DOWN = [RetryableError("down")] * 10_000
DENIED = [PermanentError("denied")] * 10_000


class Machine:
    """A provider, a sink, and the daemon's planning on a clock that is pushed."""

    def __init__(
        self, registries: int = 1, targets: int = 1, *, records: MemoryRecords | None = None
    ) -> None:
        self.clock = FakeClock()
        names = tuple(f"registry-{number}.example" for number in range(registries))
        self.issuer = Issuer(self.clock, registries=names)
        self.shelf = Shelf(*(f"target-{number}" for number in range(targets)))
        self.records = records or MemoryRecords()
        self.events = EventLog()
        self.restart()

    def restart(self) -> None:
        """Start a new process, so to speak."""
        self.engine = Engine(
            {"prod": self.issuer},
            {"shelf": self.shelf},
            records=self.records,
            lock=MemoryLock(),
            clock=self.clock,
            events=self.events,
        )

    def run(self, seconds: float, drift: float = 3600.0) -> int:
        """Let time pass, making a pass whenever one is due; return how many there were."""
        end = self.clock.monotonic() + seconds
        looked, passes = self.clock.monotonic(), 0
        while self.clock.monotonic() < end:
            wake = self.engine.upcoming("prod").wake
            wait = 1e9 if wake is None else (wake - self.clock.now()).total_seconds()
            wait = min(wait, drift - (self.clock.monotonic() - looked))
            self.clock.advance(max(wait, 1.0))
            self.engine.renew("prod", Pass(patient=True))
            looked, passes = self.clock.monotonic(), passes + 1
        return passes


def _refused(machine: Machine) -> None:
    machine.shelf.faults = dict.fromkeys(machine.shelf.content, Refused("denied"))


def _busy(machine: Machine) -> None:
    machine.shelf.faults = dict.fromkeys(machine.shelf.content, Busy("locked"))


def _shadowed(machine: Machine) -> None:
    machine.shelf.foreign = dict.fromkeys(machine.issuer.registries, "credsStore wins")


def _unreadable(machine: Machine) -> None:
    machine.shelf.read_fault = RetryableError("gone")


def _buggy(machine: Machine) -> None:
    machine.shelf.read_fault = ZeroDivisionError()


TROUBLES = [_refused, _busy, _shadowed, _unreadable, _buggy]


@pytest.mark.parametrize(("registries", "targets"), [(1, 1), (50, 1), (1, 20)])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_sink_in_trouble_is_tried_in_a_growing_rhythm(
    trouble: Callable[[Machine], None], registries: int, targets: int
) -> None:
    """However many registries and targets wait, and whatever it was that failed."""
    machine = Machine(registries, targets)
    machine.run(1)
    trouble(machine)
    for held in machine.shelf.content.values():
        held.clear()
    machine.engine.renew("prod", Pass(patient=True))
    passes = machine.run(3600)
    assert 3 <= passes <= 90
    assert machine.issuer.calls == 1


@pytest.mark.parametrize("targets", [1, 20])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_sink_in_trouble_from_the_start_is_tried_in_a_growing_rhythm(
    trouble: Callable[[Machine], None], targets: int
) -> None:
    """Nothing was ever delivered: at most about a minute between two attempts."""
    machine = Machine(1, targets)
    trouble(machine)
    assert 30 <= machine.run(3600) <= 200
    assert machine.issuer.calls == 1


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_sink_that_recovers_is_supplied_soon(trouble: Callable[[Machine], None]) -> None:
    """Nothing ever stops trying."""
    machine = Machine()
    trouble(machine)
    machine.run(3600)
    machine.shelf.faults.clear()
    machine.shelf.foreign.clear()
    machine.shelf.read_fault = None
    machine.run(120)
    assert "" not in machine.shelf.secrets(machine.issuer.registries[0])


@pytest.mark.parametrize("failures", [DOWN, DENIED], ids=["down", "denied"])
def test_a_provider_that_fails_from_the_start_is_asked_about_every_minute(
    failures: list[Exception],
) -> None:
    """With nothing to live on it is asked often, and not more often."""
    machine = Machine()
    machine.issuer.script = [*failures]
    machine.run(3600)
    assert 50 <= machine.issuer.calls <= 250


@pytest.mark.parametrize("failures", [DOWN, DENIED], ids=["down", "denied"])
def test_a_provider_that_fails_is_asked_for_ever_beyond_the_end(failures: list[Exception]) -> None:
    """While a credential lives the waits grow; once it is dead they are at most a minute."""
    machine = Machine()
    machine.run(1)
    machine.issuer.script = [*failures]
    machine.run(12 * 3600)
    alive = machine.issuer.calls
    assert alive <= 300
    machine.run(3600)
    assert 50 <= machine.issuer.calls - alive <= 250


def test_a_refusing_sink_and_a_dead_credential_are_no_hot_loop() -> None:
    """Waits of places mean nothing while there is nothing to place."""
    machine = Machine()
    machine.run(1)
    _refused(machine)
    machine.issuer.script = [*DOWN]
    machine.run(12 * 3600)
    assert machine.run(600) <= 60


def test_a_place_that_fails_and_then_is_kept_is_left_alone() -> None:
    """An entry that ends later than ours ends the waiting, too."""
    machine = Machine()
    machine.run(1)
    machine.issuer.life = 600.0
    _busy(machine)
    source = Source(machine.issuer, settings="changed")
    machine.engine = Engine(
        {"prod": source}, {"shelf": machine.shelf}, records=machine.records, clock=machine.clock
    )
    machine.run(1)
    machine.shelf.faults.clear()
    assert machine.run(250) <= 10


def test_drift_that_nobody_can_repair_keeps_to_the_providers_wait() -> None:
    """After a restart with every copy gone, a failing provider is not asked per registry."""
    machine = Machine(50)
    machine.run(1)
    for held in machine.shelf.content.values():
        held.clear()
    machine.restart()
    machine.issuer.script = [*DENIED]
    machine.run(3600)
    assert machine.issuer.calls <= 30


class _WriteOnce(MemoryRecords):
    """Records that can be read, and no longer be written."""

    broken = False

    def save_lease(self, provider: str, lease: Lease) -> None:
        """Fail, or go on."""
        if self.broken:
            raise StoreError("the disk is full")
        super().save_lease(provider, lease)


@pytest.mark.parametrize("failures", [[], DOWN], ids=["healthy", "down"])
def test_records_that_cannot_be_written_are_no_hot_loop(failures: list[Exception]) -> None:
    """What could not be saved counts all the same."""
    records = _WriteOnce()
    machine = Machine(records=records)
    machine.run(1)
    records.broken = True
    machine.clock.advance(7 * 3600)
    machine.issuer.script = [*failures]
    before = machine.issuer.calls
    machine.run(3600)
    assert machine.issuer.calls - before <= 60


def test_two_processes_with_other_settings_do_not_fetch_in_turn() -> None:
    """Each takes its own settings for a change once, and not the other's records."""
    machine = Machine()
    lock = MemoryLock()
    engines = [
        Engine(
            {"prod": Source(machine.issuer, settings=text)},
            {"shelf": machine.shelf},
            records=machine.records,
            lock=lock,
            clock=machine.clock,
        )
        for text in ("one", "two")
    ]
    for _ in range(100):
        machine.clock.advance(10)
        for engine in engines:
            engine.renew("prod", Pass(patient=True))
    assert machine.issuer.calls == 2


def test_many_asking_for_a_credential_do_not_hurry_a_failing_provider() -> None:
    """A live credential is handed out while the wait after a failure lasts."""
    machine = Machine()
    machine.run(1)
    machine.clock.advance(7 * 3600)
    machine.issuer.script = [*DOWN]
    before = machine.issuer.calls
    for _ in range(100):
        assert machine.engine.get(machine.issuer.registries[0]) is not None
    assert machine.issuer.calls - before == 1


def test_many_asking_for_a_lost_secret_do_not_hurry_a_failing_provider() -> None:
    """With the secret gone everywhere one attempt is made per wait, not one per question."""
    machine = Machine()
    machine.run(1)
    for held in machine.shelf.content.values():
        held.clear()
    machine.restart()
    machine.issuer.script = [*DOWN]
    before = machine.issuer.calls
    for _ in range(100):
        assert machine.engine.get(machine.issuer.registries[0]) is None
    assert machine.issuer.calls - before == 1


def test_a_clock_set_back_does_not_prolong_a_wait() -> None:
    """A failure that was recorded in the future holds nobody."""
    machine = Machine()
    machine.run(1)
    for held in machine.shelf.content.values():
        held.clear()
    _busy(machine)
    machine.engine.renew("prod", Pass(patient=True))
    machine.shelf.faults.clear()
    machine.clock.jump(-7200)
    wake = machine.engine.upcoming("prod").wake
    assert wake is not None
    assert wake <= machine.clock.now()


def test_a_hanging_sink_takes_no_healthy_one_with_it() -> None:
    """After a restart one sink needs the secret and another hangs: the first is served."""
    machine = Machine()
    healthy, stuck = Shelf(), Shelf()
    sinks = {"healthy": healthy, "stuck": stuck}
    engine = Engine({"prod": machine.issuer}, sinks, records=machine.records, clock=machine.clock)
    engine.renew("prod")
    machine.issuer.life = 43_200.0
    healthy.content["shelf"].clear()
    gate = stuck.gate = threading.Event()
    fresh = Engine({"prod": machine.issuer}, sinks, records=machine.records, clock=machine.clock)
    limit = Pass(end=machine.clock.monotonic() + 2.5)
    report = fresh.renew("prod", limit)
    assert healthy.secrets(machine.issuer.registries[0]) != [""]
    assert {step.sink: step.ok for step in report.steps} == {"healthy": True, "stuck": False}
    gate.set()


def test_a_write_that_comes_back_late_records_nothing() -> None:
    """What nobody waited for may be out of date: the next pass looks at the place itself."""
    machine = Machine()
    machine.run(1)
    gate = machine.shelf.gate = threading.Event()
    machine.clock.advance(7 * 3600)
    report = machine.engine.renew("prod", Pass(end=machine.clock.monotonic() + 0.3))
    assert not report.ok
    assert all(each.failure for each in machine.records.deliveries("prod").values())
    gate.set()
    threading.Event().wait(0.3)
    assert all(each.failure for each in machine.records.deliveries("prod").values())


@pytest.mark.parametrize("answer", [None, "done", 5], ids=repr)
def test_a_sink_that_does_not_say_what_came_of_it_has_failed(answer: object) -> None:
    """Silence is no success."""

    class Silent(Shelf):
        def write(self, target: str, changes: object) -> Any:
            assert target
            assert changes
            return answer

    machine = Machine()
    engine = Engine({"prod": machine.issuer}, {"silent": Silent()}, clock=machine.clock)
    assert not engine.run().ok


@pytest.mark.parametrize("answer", [None, "token", 5], ids=repr)
def test_a_provider_that_answers_with_something_else_has_failed(answer: object) -> None:
    """The wait after it grows as after any other fault."""
    machine = Machine()
    machine.issuer.script = [lambda: answer] * 10_000  # type: ignore[list-item, return-value]
    machine.run(600)
    assert machine.issuer.calls <= 60
    failure = machine.records.lease("prod").failure
    assert failure is not None
    assert type(answer).__name__ in failure.message


class _Rude(Issuer):
    """A provider whose optional parts are broken."""

    def inputs(self) -> list[str]:
        """Fail."""
        raise OSError("inputs")

    @property
    def registries(self) -> tuple[str, ...]:
        """Fail, or be set."""
        raise OSError("registries")

    @registries.setter
    def registries(self, value: tuple[str, ...]) -> None:
        self._names = value


def test_a_provider_with_broken_optional_parts_still_serves() -> None:
    """What it can't tell is done without."""
    clock = FakeClock()
    shelf = Shelf()
    rude = _Rude(clock)
    minted = Issuer(clock).mint("secret")
    rude.script = [minted] * 3
    engine = Engine({"rude": rude}, {"shelf": shelf}, clock=clock)
    assert engine.run().ok
    assert engine.upcoming("rude").wake is not None
    assert shelf.secrets() == ["secret"]


@pytest.mark.parametrize("error", [OSError("denied"), SystemExit(1)], ids=["fault", "exit"])
def test_files_that_can_not_be_looked_at_are_one_change(error: BaseException) -> None:
    """A plug-in may raise anything: it is no reason for fetch after fetch, and its end is one."""

    class Blind(Issuer):
        trouble: BaseException | None = None

        def inputs(self) -> Iterable[Path]:
            if self.trouble is not None:
                raise self.trouble
            return ()

    clock = FakeClock()
    issuer = Blind(clock)
    engine = Engine({"blind": issuer}, {"shelf": Shelf()}, clock=clock)
    for trouble, calls in ((None, 1), (error, 2), (error, 2), (None, 3), (None, 3)):
        issuer.trouble = trouble
        assert engine.renew("blind").ok
        assert issuer.calls == calls


def test_a_late_write_makes_an_opaque_place_due_again() -> None:
    """Nobody can read what a hung write left there, so it is written anew and soon."""

    class Slow(Shelf):
        held_up: threading.Event | None = None

        def write(self, target: str, changes: Sequence[Change]) -> Outcome:
            if self.held_up is not None:
                self.held_up.wait(10)
            return super().write(target, changes)

    machine = Machine()
    slow = Slow()
    slow.opaque = True
    engine = Engine({"prod": machine.issuer}, {"slow": slow}, clock=machine.clock)
    gate = slow.held_up = threading.Event()
    engine.renew("prod", Pass(end=machine.clock.monotonic() + 0.3))
    slow.held_up = None
    machine.clock.advance(7 * 3600)
    engine.renew("prod")
    newest = slow.secrets(machine.issuer.registries[0])
    gate.set()
    for _ in range(100):
        if slow.secrets(machine.issuer.registries[0]) != newest:
            break
        threading.Event().wait(0.02)
    threading.Event().wait(0.2)
    engine.renew("prod")
    assert slow.secrets(machine.issuer.registries[0]) == newest


def test_a_dry_run_that_hangs_takes_no_run_with_it() -> None:
    """Plans and passes are counted apart, and a plan shows the sinks that answer."""
    machine = Machine()
    stuck = Shelf()
    gate = stuck.gate = threading.Event()
    engine = Engine(
        {"prod": machine.issuer}, {"stuck": stuck, "shelf": machine.shelf}, clock=machine.clock
    )
    for _ in range(3):
        engine.plan(seconds=0.05)
    assert engine.run(seconds=2.0).providers[0].fetch == "fetched"
    gate.set()


def test_a_clock_that_is_set_right_leaves_no_dead_token_in_place() -> None:
    """Ends that were recorded while the clock ran ahead protect nothing afterwards."""
    machine = Machine()
    machine.clock.jump(30 * 86_400)
    machine.run(1)
    machine.clock.jump(-30 * 86_400)
    machine.issuer.life = 3600.0
    machine.engine.renew("prod", Pass(patient=True))
    latest = f"secret-number-{machine.issuer.calls}"
    assert machine.shelf.secrets(machine.issuer.registries[0]) == [latest]


@pytest.mark.parametrize("back", [10, 141, 3600, 86_400])
def test_a_clock_set_back_delays_no_renewal(back: float) -> None:
    """The age says when, also when the clock went back by less than that."""
    machine = Machine()
    machine.run(1)
    machine.clock.advance(3 * 3600)
    machine.engine.renew("prod", Pass(patient=True))
    machine.clock.jump(-back)
    machine.run(3.7 * 3600, drift=1e9)
    assert machine.issuer.calls >= 2


def test_a_clock_set_back_while_a_fetch_hangs_prolongs_no_wait() -> None:
    """A dead credential does not come back to life."""
    machine = Machine()
    machine.run(1)
    machine.clock.advance(13 * 3600)

    def hang() -> Credential:
        machine.clock.jump(-3 * 3600)
        raise RetryableError("no answer")

    machine.issuer.script = [hang]
    machine.engine.renew("prod", Pass(patient=True))
    failure = machine.records.lease("prod").failure
    assert failure is not None
    assert (failure.retry_at - machine.clock.now()).total_seconds() <= 60
    assert not machine.records.lease("prod").alive(machine.clock.now())


def test_an_end_that_was_learnt_under_a_wrong_clock_protects_nothing() -> None:
    """The clock runs a year ahead for minutes, while the issuer repeats its token."""
    machine = Machine()
    machine.run(1)
    repeated = machine.issuer.mint("repeated")
    machine.issuer.script = [repeated]
    machine.clock.advance(7 * 3600)
    machine.engine.renew("prod", Pass(patient=True))
    machine.clock.jump(365 * 86_400)
    machine.issuer.script = [machine.issuer.mint("repeated")]
    machine.engine.renew("prod", Pass(patient=True))
    machine.clock.jump(-365 * 86_400)
    machine.issuer.life = 3600.0
    machine.run(60)
    assert machine.shelf.secrets(machine.issuer.registries[0])[0].startswith("secret-number-")


@pytest.mark.parametrize("ahead", [60, 330, 7200])
def test_a_clock_that_is_set_right_takes_the_records_of_the_places_along(ahead: float) -> None:
    """A next credential may seem to end sooner than the last one, and is placed all the same."""
    machine = Machine()
    machine.issuer.life = 1800.0
    machine.clock.jump(ahead)
    machine.run(1)
    machine.clock.advance(400)
    machine.clock.jump(-ahead)
    machine.issuer.life = 1400.0
    machine.run(2000)
    assert machine.shelf.secrets(machine.issuer.registries[0]) == [
        f"secret-number-{machine.issuer.calls}"
    ]
