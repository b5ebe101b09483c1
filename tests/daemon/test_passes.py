"""The threads of passes: begun, given up, drained, and what each end means for the plan."""

import threading
import time
from collections.abc import Callable

import pytest

from refresher.daemon.agenda import Agenda, Duty
from refresher.daemon.awake import Awake
from refresher.daemon.passes import Passes
from refresher.engine.engine import Engine, Pass
from refresher.engine.report import Fetch, ProviderReport, Upcoming
from refresher.errors import LockTimeoutError, PermanentError, RefresherError, RetryableError
from refresher.model import schedule
from refresher.model.lease import Failure, Lease
from refresher.testing import FakeClock
from tests.daemon.running import eventually, refuse_threads
from tests.fakes import Issuer

_QUIET = Pass()


class Told(Engine):
    """An engine whose passes do what they are told; others come to a good end at once."""

    def __init__(self, clock: FakeClock, *names: str) -> None:
        super().__init__({name: Issuer(clock) for name in names}, {}, clock=clock)
        self.does: dict[str, Callable[[], ProviderReport]] = {}
        self.planning: Callable[[], object] = bool
        self.made: list[str] = []

    def renew(self, name: str, how: Pass = _QUIET) -> ProviderReport:
        """Do as told."""
        assert how.patient
        self.made.append(name)
        return self.does[name]() if name in self.does else good(name)

    def upcoming(self, name: str) -> Upcoming:
        """Do as told, and say that only drift calls for another pass."""
        assert name in self.providers
        self.planning()
        return Upcoming(None)


class Stand:
    """Passes over an engine that does as it is told."""

    def __init__(self, *names: str) -> None:
        self.clock = FakeClock()
        self.engine = Told(self.clock, *names)
        self.told: list[str] = []
        self.ended: list[str] = []
        self.agenda = Agenda(
            Duty(self.engine), self.clock, tell=self._tell, spread=0.0, draw=lambda: 0.0
        )
        self.passes = Passes(
            self.agenda,
            self.clock,
            Awake(self.clock, 30.0),
            tell=self._tell,
            ended=self.ended.append,
        )

    def _tell(self, name: str, error: BaseException) -> None:
        self.told.append(f"{name}: {type(error).__name__}")

    def begin(self, *names: str) -> None:
        """Ask for providers, and begin their passes."""
        for name in names:
            self.agenda.ask(name)
        self.passes.begin()

    def make_pass(self, name: str) -> None:
        """Make a pass over one provider."""
        ends = len(self.ended)
        self.begin(name)
        eventually(lambda: len(self.ended) > ends)

    def wait(self, name: str) -> float:
        """Return the seconds until the provider's next pass."""
        moment = self.agenda.next_run(name)
        assert moment is not None
        return schedule.seconds_between(self.clock.now(), moment)

    def give_up(self) -> list[str]:
        """Give up what has hung for five minutes."""
        return self.passes.give_up(300.0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and watch meanwhile."""
        for _ in range(int(seconds // 10)):
            self.clock.advance(10)
            assert self.give_up() == []


class Gate:
    """A place at which passes hang until they are released."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self) -> ProviderReport:
        """Hang."""
        self.reached.release()
        self.open.wait(10)
        return good("prod")


def good(name: str) -> ProviderReport:
    """Return the report of a pass that found everything well."""
    return ProviderReport(name, Lease(), Fetch.NOT_DUE)


def test_each_pass_has_a_thread_of_its_own() -> None:
    """One that hangs holds no other one up."""
    stand, gate = Stand("stuck", "ok"), Gate()
    stand.engine.does["stuck"] = gate
    stand.begin("stuck", "ok")
    eventually(lambda: stand.ended == ["ok"])
    gate.open.set()
    eventually(lambda: stand.ended == ["ok", "stuck"])


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit], ids=["fault", "exit"])
def test_what_a_pass_raises_is_told_and_waited_for(error: type[BaseException]) -> None:
    """The plan goes on, and more slowly each time."""
    stand = Stand("prod")

    def fail() -> ProviderReport:
        raise error

    stand.engine.does["prod"] = fail
    stand.make_pass("prod")
    stand.make_pass("prod")
    assert stand.told == [f"prod: {error.__name__}"] * 2
    assert stand.wait("prod") == 4


_OLD = Failure("down", FakeClock().now(), 3, FakeClock().now())


@pytest.mark.parametrize(
    ("error", "failure", "wait"),
    [
        (RetryableError("down"), "new", 300),
        (PermanentError("a fault of ours"), None, 2),
        (PermanentError("a fault of ours"), "old", 2),
        (LockTimeoutError("another run"), None, 2),
        (LockTimeoutError("another run"), "old", 2),
        (None, "old", 300),
        (None, None, 300),
    ],
    ids=[
        "recorded",
        "not recorded",
        "an older one is recorded",
        "locked",
        "locked after a failure",
        "mended",
        "good",
    ],
)
def test_a_pass_that_recorded_no_failure_of_its_own_waits(
    error: RefresherError | None, failure: str | None, wait: float
) -> None:
    """An earlier failure says nothing of this pass: it would be tried at once, for ever."""
    stand = Stand("prod")
    stand.clock.advance(60)

    def make() -> ProviderReport:
        new = Failure("down", stand.clock.now(), 1, stand.clock.now())
        recorded = {"old": _OLD, "new": new, None: None}[failure]
        return ProviderReport("prod", Lease(failure=recorded), Fetch.FAILED, error=error)

    stand.engine.does["prod"] = make
    stand.make_pass("prod")
    assert stand.wait("prod") == wait


def test_a_pass_that_hangs_is_given_up() -> None:
    """After five minutes the provider is planned for without it."""
    stand, gate = Stand("prod"), Gate()
    stand.engine.does["prod"] = gate
    stand.begin("prod")
    stand.pass_time(290)
    stand.clock.advance(10)
    assert stand.give_up() == ["prod"]
    assert stand.give_up() == []
    assert stand.wait("prod") == 2
    del stand.engine.does["prod"]
    stand.make_pass("prod")
    assert stand.engine.made == ["prod", "prod"]
    gate.open.set()
    eventually(lambda: len(stand.ended) == 2)
    assert stand.wait("prod") == 300


def test_passes_that_hang_again_are_given_up_later_and_later() -> None:
    """Each costs a thread for good, so they may not come at the same pace for ever."""
    stand, gate = Stand("prod"), Gate()
    stand.engine.does["prod"] = gate
    for limit in (300, 600, 1200):
        stand.begin("prod")
        assert gate.reached.acquire(timeout=10)
        stand.pass_time(limit - 10)
        stand.clock.advance(10)
        assert stand.give_up() == ["prod"]
    gate.open.set()
    eventually(lambda: len(stand.ended) == 3)


def test_a_suspended_host_has_no_pass_that_hangs() -> None:
    """The time in which nothing ran does not count."""
    stand, gate = Stand("prod"), Gate()
    stand.engine.does["prod"] = gate
    stand.begin("prod")
    stand.pass_time(200)
    stand.clock.advance(7 * 3600)
    assert stand.give_up() == []
    gate.open.set()
    eventually(lambda: stand.ended)


def test_a_pass_whose_planning_hangs_is_given_up() -> None:
    """The store or the input files may hang where the engine is asked when to go on."""
    stand, gate = Stand("prod"), Gate()
    stand.engine.planning = gate
    stand.begin("prod")
    assert gate.reached.acquire(timeout=10)
    stand.pass_time(290)
    stand.clock.advance(10)
    assert stand.give_up() == ["prod"]
    assert stand.wait("prod") == 2
    gate.open.set()
    eventually(lambda: stand.ended)


def test_a_drain_waits_for_what_is_under_way() -> None:
    """As long as it takes, within the limit; what was given up is not waited for at all."""
    stand, gate, lost = Stand("prod", "lost"), Gate(), Gate()
    stand.engine.does["lost"] = lost
    stand.begin("lost")
    stand.clock.advance(30)
    assert stand.passes.give_up(10.0) == ["lost"]
    stand.engine.does["prod"] = gate
    stand.begin("prod")
    started = time.monotonic()
    stand.passes.drain(0.2)
    assert 0.2 <= time.monotonic() - started < 2
    threading.Timer(0.1, gate.open.set).start()
    stand.passes.drain(10)
    assert stand.ended == ["prod"]
    started = time.monotonic()
    stand.passes.drain(10)
    assert time.monotonic() - started < 2
    lost.open.set()
    eventually(lambda: stand.ended == ["prod", "lost"])


def test_without_threads_all_are_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once while that lasts; nobody is lost, and nobody is tried without end."""
    stand = Stand("a", "b", "c")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_threads("pass "))
        stand.begin("a", "b", "c")
        assert stand.ended == ["a"]
        assert stand.wait("a") == 2
        stand.passes.begin()
        stand.passes.begin()
    assert stand.told == ["a: RuntimeError"]
    assert stand.engine.made == []
    stand.clock.advance(2)
    stand.agenda.look()
    stand.passes.begin()
    eventually(lambda: sorted(stand.engine.made) == ["a", "b", "c"])
    eventually(lambda: len(stand.ended) == 6)
