"""What hangs, raises or floods: others go on, it is told once, its end is noticed, a stop is quick.

`running` insists that each of these daemons stops within five seconds.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pytest

from refresher.daemon import Daemon, Duty
from refresher.engine.engine import Engine
from refresher.model.credential import Credential
from refresher.model.lease import Lease
from refresher.ports import Change, Event, Events, Held, Outcome
from refresher.store.memory import MemoryRecords
from refresher.testing import EventLog
from tests.daemon.running import Offset, eventually, running
from tests.fakes import Issuer, Shelf

_TICK = 0.02


class Gate:
    """Where everything hangs while it is shut."""

    def __init__(self, *, shut: bool = True) -> None:
        self._open = threading.Event()
        self.hanging = 0
        if not shut:
            self._open.set()

    def shut(self) -> None:
        """Let hang what comes from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let all go on."""
        self._open.set()

    def wait(self) -> None:
        """Hang while it is shut."""
        if not self._open.is_set():
            self.hanging += 1
            self._open.wait(30)


class HangingIssuer(Issuer):
    """An issuer that hangs at a gate."""

    def __init__(self, clock: Offset, gate: Gate, name: str) -> None:
        super().__init__(clock, registries=(f"{name}.example",))
        self.gate = gate

    def fetch(self, deadline: float) -> Credential:
        """Hang, and mint."""
        self.gate.wait()
        return super().fetch(deadline)


class MountedIssuer(Issuer):
    """An issuer whose input files are on a file system that hangs at a gate."""

    def __init__(self, clock: Offset, gate: Gate, name: str, file: Path) -> None:
        super().__init__(clock, registries=(f"{name}.example",))
        self.gate = gate
        self.file = file

    def inputs(self) -> Iterable[Path]:
        """Hang, and return the file."""
        self.gate.wait()
        return [self.file]


class HangingRecords(MemoryRecords):
    """Records of which one provider's lease hangs at a gate when it is read."""

    def __init__(self, gate: Gate, name: str) -> None:
        super().__init__()
        self.gate = gate
        self.name = name

    def lease(self, provider: str) -> Lease:
        """Hang, and read."""
        if provider == self.name:
            self.gate.wait()
        return super().lease(provider)


class HangingShelf(Shelf):
    """A sink that hangs at a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate_of_reads = gate

    def read(self, registries: Collection[str]) -> Held:
        """Hang, and read."""
        self.gate_of_reads.wait()
        return super().read(registries)

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Hang, and write."""
        self.gate_of_reads.wait()
        return super().write(target, changes)


class HangingEvents(EventLog):
    """An observer that hangs at a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def emit(self, event: Event) -> None:
        """Hang, and keep the event."""
        self.gate.wait()
        super().emit(event)


class RaisingEvents(EventLog):
    """An observer that raises at each event."""

    def emit(self, event: Event) -> None:
        """Keep the event, and raise."""
        super().emit(event)
        raise ZeroDivisionError


def faults(log: EventLog, name: str) -> list[str]:
    """Return the faults that were told of one provider."""
    return [
        each.detail for each in log.seen if each.name == "fault" and each.detail.startswith(name)
    ]


@pytest.fixture
def gate() -> Iterable[Gate]:
    """Give a gate that is open in the end."""
    gate = Gate()
    yield gate
    gate.open()


def test_a_provider_that_hangs_delays_nobody(gate: Gate) -> None:
    """However long it hangs; it is served when it goes on, and costs no second call meanwhile."""
    clock, shelf = Offset(), Shelf()
    stuck = HangingIssuer(clock, gate, "stuck")
    quick = Issuer(clock, registries=("quick.example",), life=2.0)
    engine = Engine({"stuck": stuck, "quick": quick}, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=_TICK, clock=clock)):
        eventually(lambda: quick.calls >= 3)
        assert gate.hanging == 1
        gate.open()
        eventually(lambda: shelf.secrets("stuck.example") != [""])


def test_many_that_hang_at_once_delay_nobody(gate: Gate) -> None:
    """Those that come after them in the settings are served within seconds all the same."""
    clock, shelf, count = Offset(), Shelf(), 100
    issuers: dict[str, Issuer] = {
        f"stuck-{number}": HangingIssuer(clock, gate, f"stuck-{number}") for number in range(count)
    }
    issuers |= {
        f"ok-{number}": Issuer(clock, registries=(f"ok-{number}.example",)) for number in range(20)
    }
    engine = Engine(issuers, {"shelf": shelf}, clock=clock)
    started = time.monotonic()
    with running(Daemon(engine, clock=clock)):
        for number in range(20):
            eventually(lambda: shelf.secrets(f"ok-{number}.example") != [""])  # noqa: B023
        assert time.monotonic() - started < 5
        assert gate.hanging == count
        gate.open()


def test_input_files_that_hang_are_left_out(tmp_path: Path) -> None:
    """Others are renewed and their files looked at; it is told once; the end is noticed."""
    clock, shelf, log, gate = Offset(), Shelf(), EventLog(), Gate(shut=False)
    (tmp_path / "far").write_text("one")
    (tmp_path / "near").write_text("one")
    far = MountedIssuer(clock, gate, "far", tmp_path / "far")
    near = MountedIssuer(clock, Gate(shut=False), "near", tmp_path / "near")
    quick = Issuer(clock, registries=("quick.example",), life=2.0)
    issuers: dict[str, Issuer] = {"far": far, "near": near, "quick": quick}
    engine = Engine(issuers, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=_TICK, clock=clock, events=log, longest_pass=3.0)):
        eventually(lambda: far.calls == 1 and near.calls == 1)
        gate.shut()
        eventually(lambda: faults(log, "far"))
        calls = quick.calls
        (tmp_path / "near").write_text("another")
        eventually(lambda: near.calls == 2 and quick.calls >= calls + 2)
        (tmp_path / "far").write_text("another")
        assert far.calls == 1
        gate.open()
        eventually(lambda: far.calls == 2)
    assert len(faults(log, "far")) == 1
    assert faults(log, "near") == []


def test_many_input_files_that_hang_cost_seconds(tmp_path: Path) -> None:
    """One mount is often behind many providers: each is told once, and others are looked at."""
    clock, log, gate = Offset(), EventLog(), Gate(shut=False)
    file = tmp_path / "near"
    file.write_text("one")
    names = [f"far-{number}" for number in range(4)]
    issuers: dict[str, Issuer] = {
        name: MountedIssuer(clock, gate, name, tmp_path / name) for name in names
    }
    near = issuers["near"] = MountedIssuer(clock, Gate(shut=False), "near", file)
    engine = Engine(issuers, {"shelf": Shelf()}, clock=clock)
    with running(Daemon(engine, tick=_TICK, clock=clock, events=log, longest_pass=3.0)):
        eventually(lambda: all(each.calls == 1 for each in issuers.values()))
        gate.shut()
        eventually(lambda: all(faults(log, name) for name in names))
        file.write_text("another")
        eventually(lambda: near.calls == 2)
        gate.open()
        time.sleep(0.2)
    assert [len(faults(log, name)) for name in names] == [1] * 4


def test_input_files_that_hang_from_the_start_are_told_once(gate: Gate, tmp_path: Path) -> None:
    """The first pass hangs at them: it is given up, others go on, and the end is noticed."""
    clock, shelf, log = Offset(), Shelf(), EventLog()
    far = MountedIssuer(clock, gate, "far", tmp_path / "far")
    quick = Issuer(clock, registries=("quick.example",), life=2.0)
    engine = Engine({"far": far, "quick": quick}, {"shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=_TICK, clock=clock, events=log, longest_pass=0.6)):
        eventually(lambda: faults(log, "far"))
        calls = quick.calls
        eventually(lambda: quick.calls >= calls + 2)
        assert far.calls == 0
        gate.open()
        eventually(lambda: shelf.secrets("far.example") != [""])
    assert len(faults(log, "far")) == 1


def test_records_that_hang_hold_up_their_own_provider(gate: Gate) -> None:
    """A store whose reads hang; the planner reads none, so everybody else is looked after."""
    clock, shelf, log = Offset(), Shelf(), EventLog()
    names = ("stuck", "quick")
    issuers = {name: Issuer(clock, registries=(f"{name}.example",), life=2.0) for name in names}
    records = HangingRecords(gate, "stuck")
    engine = Engine(issuers, {"shelf": shelf}, records=records, clock=clock)
    daemon = Daemon(engine, tick=_TICK, clock=clock, events=log, longest_pass=0.6)
    with running(daemon):
        eventually(lambda: issuers["quick"].calls >= 3)
        clock.shift += 3600
        calls = issuers["quick"].calls
        eventually(lambda: issuers["quick"].calls > calls)
        eventually(lambda: faults(log, "stuck"))
        assert daemon.stalled() == ""
        assert issuers["stuck"].calls == 0
        gate.open()
        eventually(lambda: shelf.secrets("stuck.example") != [""])
    assert len(faults(log, "stuck")) == 1


def test_a_sink_that_hangs_holds_up_no_other(gate: Gate) -> None:
    """A route to a healthy sink is served; the other one when it goes on."""
    clock, shelf, stuck = Offset(), Shelf(), HangingShelf(gate)
    issuer = Issuer(clock, life=3.0)
    engine = Engine({"prod": issuer}, {"stuck": stuck, "shelf": shelf}, clock=clock)
    with running(Daemon(engine, tick=_TICK, clock=clock)):
        eventually(lambda: issuer.calls >= 2)
        assert shelf.secrets() != [""]
        gate.open()
        eventually(lambda: stuck.secrets() != [""])


@pytest.mark.parametrize("of_engine", [False, True], ids=["of the daemon", "of the engine too"])
def test_an_observer_that_hangs_ends_no_renewal(gate: Gate, *, of_engine: bool) -> None:
    """Where it holds up a pass that is done, that pass is given up."""
    clock, log = Offset(), HangingEvents(gate)
    issuer = Issuer(clock, life=2.0)
    engine_log: Events = log if of_engine else EventLog()
    engine = Engine({"prod": issuer}, {"shelf": Shelf()}, clock=clock, events=engine_log)
    daemon = Daemon(engine, tick=_TICK, clock=clock, events=log, longest_pass=0.5)
    with running(daemon):
        eventually(lambda: issuer.calls >= 2)
        assert daemon.stalled() == ""
        assert log.seen == []
        gate.open()


def test_an_observer_that_raises_ends_nothing() -> None:
    """Renewal goes on, reloads are taken up, and everything is still told."""
    clock, log = Offset(), RaisingEvents()
    issuer = Issuer(clock, life=2.0)
    engine = Engine({"prod": issuer}, {"shelf": Shelf()}, clock=clock)
    fresh = Issuer(clock)
    daemon = Daemon(
        engine,
        reload=lambda: Duty(Engine({"prod": fresh}, {"shelf": Shelf()}, clock=clock)),
        tick=_TICK,
        clock=clock,
        events=log,
    )
    with running(daemon):
        eventually(lambda: issuer.calls >= 2)
        daemon.reload_soon()
        eventually(lambda: fresh.calls == 1)
    assert log.names() == ["started", "reloaded", "stopping", "stopped"]


def test_a_pass_of_a_provider_that_is_gone_disturbs_nobody(gate: Gate) -> None:
    """It comes to its end, whenever that is, and is not begun again."""
    clock, shelf, log = Offset(), Shelf(), EventLog()
    gone = HangingIssuer(clock, gate, "gone")
    fresh = Issuer(clock, registries=("new.example",), life=2.0)
    duty = Duty(Engine({"new": fresh}, {"shelf": shelf}, clock=clock))
    engine = Engine({"gone": gone}, {"shelf": shelf}, clock=clock)
    daemon = Daemon(engine, reload=lambda: duty, tick=_TICK, clock=clock, events=log)
    with running(daemon):
        eventually(lambda: gate.hanging == 1)
        daemon.reload_soon()
        eventually(lambda: fresh.calls >= 2)
        gate.open()
        eventually(lambda: gone.calls == 1)
        calls = fresh.calls
        eventually(lambda: fresh.calls > calls)
    assert gone.calls == 1
    assert "fault" not in log.names()


def test_a_reload_is_a_way_out_for_a_provider_that_hangs(gate: Gate) -> None:
    """Its new self is served as soon as the pass of the old one is given up."""
    clock, shelf = Offset(), Shelf()
    stuck = HangingIssuer(clock, gate, "prod")
    fresh = Issuer(clock, registries=("prod.example",))
    duty = Duty(Engine({"prod": fresh}, {"shelf": shelf}, clock=clock))
    engine = Engine({"prod": stuck}, {"shelf": shelf}, clock=clock)
    daemon = Daemon(engine, reload=lambda: duty, tick=_TICK, clock=clock, longest_pass=0.8)
    with running(daemon):
        eventually(lambda: gate.hanging == 1)
        daemon.reload_soon()
        eventually(lambda: shelf.secrets("prod.example") != [""])


_HANGING = """
import sys, threading
from pathlib import Path
import refresher

class Hangs:
    registries = ("registry.example",)
    def inputs(self):
        if sys.argv[1] == "inputs":
            hang()
        return [Path("/nonexistent")]
    def fetch(self, deadline):
        hang()

class Observer:
    def emit(self, event):
        if sys.argv[1] == "events":
            hang()

def hang():
    print("hanging", flush=True)
    threading.Event().wait()

engine = refresher.Engine({"prod": Hangs()}, {}, events=Observer())
refresher.Daemon(engine, events=Observer(), tick=0.05).run()
print("ended", flush=True)
"""


@pytest.mark.parametrize("what", ["inputs", "events"])
def test_a_process_ends_in_time_whatever_hangs(what: str) -> None:
    """A signal ends it within five seconds, also when it comes again and again."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGING, what],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "hanging\n"
        started = time.monotonic()
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5
        assert process.stdout.read().endswith("ended\n")
