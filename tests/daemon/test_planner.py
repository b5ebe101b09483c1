"""The planner's looks: what they keep right, and what becomes of one that hangs or dies."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from refresher.daemon.agenda import Agenda, Duty
from refresher.daemon.awake import Awake
from refresher.daemon.outbox import Outbox
from refresher.daemon.planner import Planner
from refresher.daemon.timetable import Timetable
from refresher.engine.engine import Engine
from refresher.testing import EventLog, FakeClock
from tests.daemon.running import Offset, eventually, refuse_threads
from tests.fakes import Issuer

_PATIENCE = 50.0


class Filed(Engine):
    """An engine whose input files are what they are told to be, or do that."""

    def __init__(self, clock: Offset, *names: str) -> None:
        super().__init__({name: Issuer(clock) for name in names}, {}, clock=clock)
        self.files: dict[str, Callable[[], str]] = {}
        self.asked: list[str] = []

    def inputs(self, name: str) -> str:
        """Say what they are."""
        self.asked.append(name)
        return self.files[name]() if name in self.files else ""


class Gate:
    """Files that hang until they are released, and then have changed."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        """Hang."""
        self.reached.set()
        self.open.wait(10)
        return "changed"


class Stand:
    """A planner over providers that had their first pass, with its time of silence in our hand."""

    def __init__(self, *names: str) -> None:
        self.clock = Offset()
        self.engine = Filed(self.clock, *names)
        self.log = EventLog()
        self.silence = FakeClock()
        self.awake = Awake(self.silence, 30.0)
        duty = Duty(self.engine)
        self.agenda = Agenda(duty, self.clock, tell=lambda _, error: self.faults.append(error))
        self.faults: list[BaseException] = []
        self.timetable = Timetable(self.agenda.ask, self.clock, self.awake)
        self.planner = Planner(
            self.agenda,
            self.timetable,
            self.awake,
            tick=0.01,
            patience=_PATIENCE,
            events=Outbox(self.log),
        )
        self.passes: list[str] = []
        for name in names:
            self.agenda.ask(name)
            self.agenda.begin()
            self.agenda.finish(name, duty)
        self.timetable.start()

    def begun(self) -> list[str]:
        """Begin everything that may begin now; return what was begun so far."""
        self.passes += [chosen[0] for chosen in iter(self.agenda.begin, None) if chosen]
        return self.passes

    def watch(self, seconds: float) -> set[str]:
        """Let time pass in which the planner may be heard of, and watch over it."""
        while seconds > 0:
            self.silence.advance(min(seconds, 10.0))
            self.awake.seconds()
            seconds -= 10.0
        return self.planner.watch()


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Give a planner that is not yet started."""
    stand = Stand("a", "b", "c")
    yield stand
    stand.planner.stop()
    stand.timetable.stop()


def test_it_asks_for_what_nobody_asked_for(stand: Stand) -> None:
    """What is due is asked for, though the scheduler lost it; and it gets it back."""
    stand.timetable._scheduler.remove_all_jobs()
    stand.clock.slept += 300
    stand.planner.start()
    eventually(lambda: set(stand.begun()) == {"a", "b", "c"})
    eventually(lambda: stand.timetable.missing(["a", "b", "c"]) == [])


def test_a_clock_that_was_set_is_told_and_made_up_for(stand: Stand) -> None:
    """Once, with the seconds; everybody gets a pass."""
    stand.planner.start()
    eventually(lambda: stand.engine.asked.count("c") >= 3)
    stand.clock.shift -= 3600
    eventually(lambda: set(stand.begun()) == {"a", "b", "c"})
    eventually(lambda: stand.log.names() == ["clock-jumped"])
    assert "-3600 s" in stand.log.seen[0].detail


def test_a_host_that_was_suspended_is_no_fault(stand: Stand) -> None:
    """What came due meanwhile is asked for, and nothing is told or replaced."""
    stand.planner.start()
    eventually(lambda: stand.engine.asked.count("c") >= 2)
    stand.clock.slept += 7 * 3600
    eventually(lambda: set(stand.begun()) == {"a", "b", "c"})
    stand.silence.advance(7 * 3600)
    assert stand.planner.watch() == set()
    assert stand.log.seen == []


def test_a_look_that_hangs_is_left_to_itself(stand: Stand) -> None:
    """Its provider is told once and left out; all others are looked at; its end is noticed."""
    gate = Gate()
    stand.engine.files["b"] = gate
    stand.planner.start()
    assert gate.reached.wait(10)
    assert stand.watch(40) == set()
    assert stand.watch(10) == {"b"}
    stand.engine.files["c"] = lambda: "changed"
    eventually(lambda: stand.begun() == ["c"])
    assert stand.watch(200) == set()
    assert stand.planner.silence < 200 + _PATIENCE
    stand.engine.files["b"] = lambda: "changed"
    gate.open.set()
    eventually(lambda: "b" in stand.begun())


def test_the_next_one_that_hangs_is_not_waited_for_as_long(stand: Stand) -> None:
    """Where one file system hangs, there are often many on it."""
    gates = {name: Gate() for name in ("a", "b", "c")}
    stand.engine.files |= gates
    stand.planner.start()
    for name, seconds in (("a", 60), ("b", 1), ("c", 1)):
        assert gates[name].reached.wait(10)
        assert stand.watch(seconds) == {name}
        assert name == "c" or stand.planner.patience == 1
        gates[name].open.set()
    eventually(lambda: stand.planner.patience == _PATIENCE)


def test_each_file_that_can_be_looked_at_counts_as_progress(stand: Stand) -> None:
    """Many that are slow are no planner that hangs."""
    stand.engine.files["a"] = stand.engine.files["b"] = slow = Gate()
    stand.planner.start()
    assert slow.reached.wait(10)
    stand.silence.advance(30)
    assert stand.planner.silence == 30
    slow.open.set()
    eventually(lambda: stand.planner.silence == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_planner_that_died_is_replaced(stand: Stand) -> None:
    """Even an interrupt that a plug-in raises costs a minute."""
    threads = []

    def die() -> str:
        del stand.engine.files["b"]
        threads.append(threading.current_thread())
        raise KeyboardInterrupt

    stand.engine.files["b"] = die
    stand.planner.start()
    eventually(lambda: threads and not threads[0].is_alive())
    assert stand.watch(60) == set()
    eventually(lambda: "c" in stand.engine.asked)


def test_a_planner_without_a_thread_is_tried_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is out of threads costs the time that it lasts, and seconds more."""
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_threads("planner"))
        stand.planner.start()
        for _ in range(20):
            assert stand.watch(10) == set()
        assert stand.planner.silence == 200
    assert stand.watch(1) == set()
    eventually(lambda: stand.planner.silence == 0)


def test_a_fault_of_ours_costs_a_look(stand: Stand) -> None:
    """It is told, and the next look is made."""
    tell = stand.timetable.missing
    faults = iter([ZeroDivisionError()])

    def fail(names: tuple[str, ...]) -> list[str]:
        for error in faults:
            raise error
        return tell(names)

    stand.timetable.missing = fail  # type: ignore[method-assign, assignment]
    stand.planner.start()
    eventually(lambda: stand.log.names() == ["fault"])
    assert "ZeroDivisionError" in stand.log.seen[0].detail
    eventually(lambda: stand.engine.asked.count("c") >= 2)


def test_a_scheduler_that_does_not_run_is_told(stand: Stand) -> None:
    """It is made anew, and gets everybody back."""
    stand.timetable.stop()
    for _ in range(16):
        stand.silence.advance(10)
        stand.awake.seconds()
    assert stand.timetable.silent
    stand.planner.start()
    eventually(lambda: stand.log.names() == ["fault"])
    assert "scheduler" in stand.log.seen[0].detail
    eventually(lambda: stand.timetable.missing(["a", "b", "c"]) == [])
    eventually(lambda: not stand.timetable.silent)


def test_it_puts_down_what_is_planned(stand: Stand) -> None:
    """The moment is the agenda's; of one that is gone there is none."""
    stand.timetable._scheduler.remove_all_jobs()
    stand.planner.put("a")
    stand.planner.put("gone")
    assert stand.timetable.missing(["a", "gone"]) == ["gone"]
    planned = stand.agenda.next_run("a")
    job = stand.timetable._scheduler.get_job("a")
    assert planned is not None
    assert abs(job.next_run_time - planned) < timedelta(seconds=1)
