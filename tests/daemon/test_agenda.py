"""The daemon's planning: what is due when, who begins, and what a fault costs."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from refresher.daemon.agenda import Agenda, Duty
from refresher.engine.engine import Engine
from refresher.engine.report import Upcoming
from refresher.model import schedule
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place
from refresher.store.memory import MemoryRecords
from refresher.testing import FakeClock
from tests.fakes import FileIssuer, Issuer, Shelf

DRIFT = 300.0


class Planned(Engine):
    """An engine that says when to wake and what its input files are, as it is told; None for ever.

    `asked` counts how often it was asked when to wake.
    """

    def __init__(self, clock: FakeClock, *names: str) -> None:
        super().__init__({name: Issuer(clock) for name in names}, {}, clock=clock)
        self.clock = clock
        self.waits: dict[str, float | BaseException | Callable[[], float]] = {}
        self.files: dict[str, str | Callable[[], str]] = {}
        self.asked: Counter[str] = Counter()

    def upcoming(self, name: str) -> Upcoming:
        """Say what it was told."""
        self.asked[name] += 1
        return Upcoming(self._wake(name), self.inputs(name))

    def _wake(self, name: str) -> datetime | None:
        told = self.waits.get(name)
        if isinstance(told, BaseException):
            raise told
        wait = told() if callable(told) else told
        return None if wait is None else self.clock.now() + timedelta(seconds=wait)

    def inputs(self, name: str) -> str:
        """Say what it was told."""
        told = self.files.get(name, "")
        return told() if callable(told) else told


class Stand:
    """An agenda over a planned engine, on a clock that is pushed."""

    def __init__(self, *names: str, spread: float = 0.0, draw: float | None = 0.0) -> None:
        self.clock = FakeClock()
        self.engine = Planned(self.clock, *names)
        self.told: list[tuple[str, BaseException]] = []
        self.woken = 0
        self.duty = Duty(self.engine, DRIFT)
        self.agenda = Agenda(
            self.duty,
            self.clock,
            tell=lambda name, error: self.told.append((name, error)),
            wake=self._wake,
            spread=spread,
            draw=drawn(1) if draw is None else lambda: draw,
        )

    def _wake(self) -> None:
        self.woken += 1

    def begun(self) -> list[str]:
        """Begin everything that may begin now."""
        names = []
        while chosen := self.agenda.begin():
            names.append(chosen[0])
        return names

    def make_pass(self, name: str, seconds: float = 0.0, *, failed: bool = False) -> None:
        """Make a pass over one provider."""
        self.agenda.ask(name)
        assert name in self.begun()
        self.clock.advance(seconds)
        self.agenda.finish(name, self.duty, failed=failed)

    def wait(self, name: str) -> float:
        """Return the seconds until the provider's next pass."""
        moment = self.agenda.next_run(name)
        assert moment is not None
        return schedule.seconds_between(self.clock.now(), moment)


class CountingRecords(MemoryRecords):
    """Records that count how often they are read."""

    reads = 0

    def lease(self, provider: str) -> Lease:
        """Count, and read."""
        self.reads += 1
        return super().lease(provider)

    def leases(self) -> Mapping[str, Lease]:
        """Count, and read."""
        self.reads += 1
        return super().leases()

    def deliveries(self, provider: str) -> Mapping[Place, Delivery]:
        """Count, and read."""
        self.reads += 1
        return super().deliveries(provider)


def drawn(seed: int) -> Callable[[], float]:
    """Return draws that are the same each time."""
    return random.Random(seed).random  # noqa: S311 - no secret depends on it


def refuse(name: str, error: BaseException) -> None:
    """Insist that planning meets no fault."""
    raise AssertionError(name) from error


# At first


def test_at_first_everybody_is_due() -> None:
    """Without a spread the first look asks for everybody, in the order of the settings."""
    stand = Stand("b", "a", "c")
    stand.agenda.look()
    assert stand.begun() == ["b", "a", "c"]
    assert stand.begun() == []


def test_daemons_that_start_together_are_spread_over_the_window() -> None:
    """Of fifty daemons no tenth of the window gets more than a quarter; each provider is drawn."""
    starts: list[float] = []
    within = 0
    for seed in range(50):
        clock = FakeClock()
        engine = Planned(clock, "one", "two")
        agenda = Agenda(Duty(engine), clock, tell=refuse, spread=60.0, draw=drawn(seed))
        moments = [agenda.next_run(name) for name in ("one", "two")]
        first, second = (schedule.seconds_between(clock.now(), each) for each in moments if each)
        within += abs(first - second) > 1
        starts.append(first)
    tenths = Counter(int(start // 6.0) for start in starts)
    assert all(0 <= start < 60 for start in starts)
    assert len(tenths) == 10
    assert max(tenths.values()) <= 12
    assert within > 40


def test_each_provider_begins_at_its_own_moment() -> None:
    """A look during the spread asks for those whose moment has come, and for no others."""
    names = [f"p{number}" for number in range(10)]
    stand = Stand(*names, spread=100.0, draw=None)
    due = {name: stand.wait(name) for name in names}
    begun: set[str] = set()
    for second in range(1, 101):
        stand.clock.advance(1.0)
        stand.agenda.look()
        begun |= set(stand.begun())
        assert begun == {name for name in names if due[name] <= second}
    assert begun == set(names)


def test_a_reload_has_no_spread() -> None:
    """A new duty is due at once: somebody waits for it."""
    stand = Stand("a", spread=1000.0, draw=0.9)
    assert stand.wait("a") == 900.0
    stand.agenda.swap(Duty(stand.engine))
    assert stand.wait("a") == 0.0
    stand.agenda.look()
    assert stand.begun() == ["a"]


# The next pass


@pytest.mark.parametrize(
    ("wake", "wait"),
    [(None, DRIFT), (1e6, DRIFT), (20.0, 20.0), (0.5, 1.0), (0.0, 1.0), (-50.0, 1.0)],
    ids=["never", "later than drift", "soon", "sooner than a second", "now", "past"],
)
def test_the_next_pass_is_when_the_engine_or_drift_says(wake: float | None, wait: float) -> None:
    """Whatever comes first; a second is the shortest time between two."""
    stand = Stand("a")
    if wake is not None:
        stand.engine.waits["a"] = wake
    stand.make_pass("a")
    assert stand.wait("a") == pytest.approx(wait, abs=0.01)


def test_looks_for_drift_are_drawn_apart() -> None:
    """They come up to a tenth early, so that hosts which started together do not look together."""
    stand = Stand("a", draw=None)
    waits = []
    for _ in range(200):
        stand.make_pass("a")
        waits.append(stand.wait("a"))
    assert 0.9 * DRIFT <= min(waits) < 0.92 * DRIFT
    assert 0.98 * DRIFT < max(waits) <= DRIFT


def test_failed_passes_wait_longer_and_longer() -> None:
    """Where the engine recorded no wait it doubles, up to a minute; a good pass ends that."""
    stand = Stand("a")
    waits = []
    for _ in range(8):
        stand.make_pass("a", failed=True)
        waits.append(stand.wait("a"))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    stand.make_pass("a")
    assert stand.wait("a") == DRIFT
    stand.make_pass("a", failed=True)
    assert stand.wait("a") == 2


def test_a_failed_pass_asks_the_engine_nothing() -> None:
    """Whoever gives up a pass that hangs must not hang at the same place."""
    stand = Stand("a")
    stand.make_pass("a")
    before = stand.engine.asked["a"]
    stand.make_pass("a", failed=True)
    assert stand.engine.asked["a"] == before
    assert stand.told == []


@pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit(1)], ids=["fault", "exit"])
def test_an_engine_that_raises_costs_a_minute(error: BaseException) -> None:
    """The fault is told, and the provider is asked again before long."""
    stand = Stand("a")
    stand.engine.waits["a"] = error
    stand.make_pass("a")
    assert stand.told == [("a", error)]
    assert stand.wait("a") == 60


def test_what_is_asked_for_while_it_runs_is_planned_by_its_end() -> None:
    """Nobody runs twice at once; what the pass could not see yet is due right after it."""
    stand = Stand("a")
    stand.agenda.look()
    assert stand.begun() == ["a"]
    stand.agenda.ask("a")
    stand.agenda.look()
    assert stand.begun() == []
    stand.engine.waits["a"] = 0.0
    stand.agenda.finish("a", stand.duty)
    assert stand.wait("a") == 1
    stand.clock.advance(1)
    stand.agenda.look()
    assert stand.begun() == ["a"]


def test_a_look_while_a_pass_is_planned_starts_no_other() -> None:
    """The last plan is still there then, and it is past."""
    stand = Stand("a")

    def look() -> float:
        stand.agenda.look()
        return 20.0

    stand.engine.waits["a"] = look
    stand.make_pass("a")
    assert stand.begun() == []
    assert stand.wait("a") == 20


def test_a_pass_says_itself_when_to_go_on() -> None:
    """It has just read all that this takes; the engine is not asked to read it again."""
    stand = Stand("a")
    stand.agenda.look()
    assert stand.begun() == ["a"]
    upcoming = Upcoming(stand.clock.now() + timedelta(seconds=20), "files")
    stand.agenda.finish("a", stand.duty, upcoming=upcoming)
    assert stand.wait("a") == 20
    assert not stand.engine.asked["a"]
    stand.agenda.look()
    assert stand.begun() == ["a"]


def test_a_provider_that_is_gone_has_no_plan() -> None:
    """Nothing that is said of it does anything."""
    stand = Stand("a")
    for name in ("a", "gone"):
        stand.agenda.plan(name)
        stand.agenda.look_at_inputs(name)
    stand.agenda.ask("gone")
    stand.agenda.finish("gone", stand.duty)
    assert stand.agenda.next_run("gone") is None
    assert stand.begun() == []
    assert stand.agenda.names == ("a",)


# Clocks


def test_either_clock_makes_it_due() -> None:
    """The wall clock may be slow or fast: whichever says due first is believed."""
    stand = Stand("a")
    stand.make_pass("a")
    stand.clock.jump(-4.0)
    stand.clock.advance(DRIFT)
    stand.agenda.look()
    assert stand.begun() == ["a"]
    stand.agenda.finish("a", stand.duty)
    stand.clock.advance(DRIFT - 4)
    stand.agenda.look()
    assert stand.begun() == []
    stand.clock.jump(4.0)
    stand.agenda.look()
    assert stand.begun() == ["a"]


@pytest.mark.parametrize("jump", [-1e9, -7 * 3600.0, -6.0, 6.0, 7 * 3600.0, 1e9])
def test_a_jump_gives_everybody_a_pass(jump: float) -> None:
    """It is returned once, whichever way the wall clock was moved, and by years too."""
    stand = Stand("a", "b")
    stand.make_pass("a")
    stand.make_pass("b")
    stand.clock.advance(10)
    assert stand.agenda.look() == pytest.approx(0)
    stand.clock.jump(jump)
    stand.clock.advance(10)
    assert stand.agenda.look() == pytest.approx(jump)
    assert stand.begun() == ["a", "b"]
    assert stand.agenda.look() == pytest.approx(0)


@pytest.mark.parametrize("seconds", [60.0, 8 * 3600.0, 40 * 86_400.0])
def test_a_suspended_host_is_no_jump(seconds: float) -> None:
    """Both clocks went on, and what has come due meanwhile is asked for at the first look."""
    stand = Stand("a", "b")
    stand.make_pass("a")
    stand.engine.waits["b"] = 30.0
    stand.make_pass("b")
    stand.clock.advance(seconds)
    assert stand.agenda.look() == pytest.approx(0)
    assert stand.begun() == (["a", "b"] if seconds > DRIFT else ["b"])


def test_a_jump_does_not_end_the_spread() -> None:
    """Who has not begun yet begins in his time."""
    stand = Stand("a", spread=100.0, draw=0.5)
    stand.clock.jump(-3600)
    assert stand.agenda.look() == -3600
    assert stand.begun() == []
    stand.clock.advance(50)
    stand.agenda.look()
    assert stand.begun() == ["a"]


# Who begins


def test_those_that_were_quick_come_first() -> None:
    """The time that each took the last time is the order of the queue."""
    stand = Stand("slow", "medium", "quick", "new")
    for name, seconds in (("slow", 30.0), ("medium", 2.0), ("quick", 0.1)):
        stand.agenda.ask(name)
        stand.begun()
        stand.clock.advance(seconds)
        stand.agenda.finish(name, stand.duty)
    for name in ("slow", "medium", "quick", "new"):
        stand.agenda.ask(name)
    assert stand.begun() == ["new", "quick", "medium", "slow"]


def test_few_begin_at_once() -> None:
    """Sixteen passes are in their first moments at most; the queue says when to come back."""
    names = [f"p{number}" for number in range(100)]
    stand = Stand(*names)
    assert stand.agenda.pause(10.0) == 10.0
    stand.agenda.look()
    assert stand.begun() == names[:16]
    assert stand.agenda.pause(10.0) == 0.25
    assert stand.agenda.pause(0.1) == 0.1
    stand.agenda.finish("p3", stand.duty)
    assert stand.begun() == ["p16"]
    stand.clock.advance(0.25)
    assert len(stand.begun()) == 16


def test_first_moments_follow_what_passes_take() -> None:
    """Where all are slower, a pass is waited for longer before it is taken to hang; a second."""
    for usual, moments in ((0.01, 0.25), (0.3, 0.6), (20.0, 1.0)):
        names = [f"p{number}" for number in range(40)]
        stand = Stand(*names)
        stand.make_pass("p39", usual)
        stand.agenda.look()
        assert len(stand.begun()) == 16
        stand.clock.advance(moments - 0.01)
        assert stand.begun() == []
        stand.clock.advance(0.02)
        assert len(stand.begun()) == 16


def test_waking_follows_every_chance_to_begin() -> None:
    """Whoever begins passes is woken by a request, and by an end while others wait."""
    names = [f"p{number}" for number in range(17)]
    stand = Stand(*names)
    for name in names:
        before = stand.woken
        stand.agenda.ask(name)
        assert stand.woken == before + 1
    assert stand.begun() == names[:16]
    before = stand.woken
    stand.agenda.finish("p0", stand.duty)
    assert stand.woken == before + 1
    assert stand.begun() == ["p16"]
    stand.agenda.finish("p1", stand.duty)
    assert stand.woken == before + 1


@pytest.mark.parametrize("hanging", [0, 1, 10, 16, 100])
def test_healthy_providers_never_wait_for_slow_ones(hanging: int) -> None:
    """However many hang, 490 that take a tenth of a second are done within seconds.

    The first time nobody knows who hangs; from then on those come last.
    """
    slow = [f"slow-{number}" for number in range(hanging)]
    healthy = [f"healthy-{number}" for number in range(490)]
    stand = Stand(*slow, *healthy)
    first = _seconds_until_served(stand, slow, healthy)
    assert first <= 490 / 160 + (hanging / 16 + 2) * 0.25
    for name in slow:
        stand.agenda.finish(name, stand.duty)
    second = _seconds_until_served(stand, slow, healthy)
    assert second <= 490 / 160 + 1


def _seconds_until_served(stand: Stand, slow: list[str], healthy: list[str]) -> float:
    """Let everybody be due at once; the slow ones do not come to an end."""
    begin = stand.clock.monotonic()
    for name in (*slow, *healthy):
        stand.agenda.ask(name)
    ends: dict[str, float] = {}
    left = set(healthy)
    while left:
        now = stand.clock.monotonic()
        for name in [name for name, end in ends.items() if end <= now]:
            del ends[name]
            stand.agenda.finish(name, stand.duty)
            left.discard(name)
        ends |= {name: now + 0.1 for name in stand.begun() if name not in slow}
        stand.clock.advance(0.01)
    return stand.clock.monotonic() - begin


# Another duty


def test_passes_of_an_old_duty_are_no_look_of_the_new_one() -> None:
    """The new one's provider is due all the same when the old one's pass ends."""
    stand = Stand("a")
    stand.agenda.look()
    stand.begun()
    fresh = Duty(Planned(stand.clock, "a", "b"), DRIFT)
    stand.agenda.swap(fresh)
    stand.agenda.look()
    assert stand.agenda.begin() == ("b", fresh)
    assert stand.agenda.begin() is None
    stand.agenda.finish("a", stand.duty)
    assert stand.wait("a") == 0
    stand.agenda.look()
    assert stand.agenda.begin() == ("a", fresh)


def test_nobody_waits_who_is_gone() -> None:
    """The queue of the old duty is dropped, and the end of a pass of it plans nothing."""
    stand = Stand("old", "both")
    stand.agenda.look()
    assert stand.agenda.begin() == ("old", stand.duty)
    fresh = Duty(Planned(stand.clock, "both"), DRIFT)
    stand.agenda.swap(fresh)
    assert stand.agenda.begin() is None
    stand.agenda.finish("old", stand.duty)
    assert stand.agenda.next_run("old") is None
    assert stand.agenda.duty is fresh
    stand.agenda.look()
    assert stand.agenda.begin() == ("both", fresh)


def test_a_pass_that_was_given_up_does_not_end_the_next_one() -> None:
    """Its own end may come at any time later, and then nobody may begin a third pass."""
    stand = Stand("a")
    release, planning = threading.Event(), threading.Event()

    def hang() -> float:
        planning.set()
        release.wait(10)
        return 20.0

    stand.engine.waits["a"] = hang
    stand.agenda.look()
    stand.begun()
    ending = threading.Thread(target=stand.agenda.finish, args=("a", stand.duty))
    ending.start()
    assert planning.wait(10)
    stand.agenda.finish("a", stand.duty, failed=True)
    stand.clock.advance(2)
    stand.agenda.look()
    assert stand.begun() == ["a"]
    release.set()
    ending.join(10)
    stand.agenda.ask("a")
    assert stand.begun() == []


# Input files


def test_a_changed_input_file_is_asked_for() -> None:
    """Each change, once there was a first pass; what did not change is left alone."""
    stand = Stand("a", "b")
    stand.engine.files["a"] = "before"
    stand.agenda.look_at_inputs("a")
    assert stand.begun() == []
    stand.make_pass("a")
    stand.make_pass("b")
    stand.agenda.look()
    assert stand.begun() == []
    stand.engine.files["a"] = "after"
    stand.agenda.look()
    assert stand.begun() == ["a"]
    stand.agenda.look()
    stand.agenda.finish("a", stand.duty)
    stand.agenda.look()
    assert stand.begun() == []


def test_files_that_hang_hold_up_their_own_provider_alone() -> None:
    """Others leave it out, its name is known, and what it comes to is not lost."""
    stand = Stand("a", "b")
    stand.make_pass("a")
    stand.make_pass("b")
    reached, release = threading.Event(), threading.Event()

    def hang() -> str:
        reached.set()
        release.wait(10)
        return "changed"

    stand.engine.files["a"] = hang
    looking = threading.Thread(target=stand.agenda.look)
    looking.start()
    assert reached.wait(10)
    assert list(stand.agenda.stuck) == ["a"]
    stand.engine.files["b"] = "changed"
    stand.agenda.look()
    assert stand.begun() == ["b"]
    release.set()
    looking.join(10)
    assert list(stand.agenda.stuck) == []
    assert stand.begun() == ["a"]


def test_due_ones_are_asked_for_before_any_file_is_looked_at() -> None:
    """A file system that hangs delays no pass that is due."""
    stand = Stand("a", "b")
    for name in ("a", "b"):
        stand.make_pass(name)
    begun: list[str] = []

    def look() -> str:
        begun.extend(stand.begun())
        return ""

    stand.engine.files["a"] = look
    stand.clock.advance(DRIFT)
    stand.agenda.look()
    assert begun == ["a", "b"]


def test_a_look_reads_no_records(tmp_path: Path) -> None:
    """Only the state of input files is looked at, however long nothing happens."""
    clock, records = FakeClock(), CountingRecords()
    key = tmp_path / "key"
    key.write_text("one")
    sources = {f"p{number}": FileIssuer(clock, key) for number in range(20)}
    engine = Engine(sources, {"shelf": Shelf()}, records=records, clock=clock)
    duty = Duty(engine, DRIFT)
    agenda = Agenda(duty, clock, tell=refuse, draw=lambda: 0.0)
    agenda.look()
    while chosen := agenda.begin():
        engine.renew(chosen[0])
        agenda.finish(*chosen)
    before = records.reads
    for _ in range(25):
        clock.advance(10)
        agenda.look()
    assert records.reads == before
    key.write_text("another")
    agenda.look()
    assert agenda.begin() is not None
