"""One run: retries what time may heal within its time, and tells the truth."""

import threading
from contextlib import ExitStack

from refresher.engine.engine import Engine
from refresher.engine.oneshot import run_once
from refresher.engine.report import Fetch, Report
from refresher.errors import PermanentError, RetryableError
from refresher.ports import Busy
from refresher.store.memory import MemoryLock
from refresher.testing import FakeClock
from tests.fakes import Issuer, Shelf


def _run(issuer: Issuer, shelf: Shelf, clock: FakeClock, seconds: float = 60.0) -> Report:
    return run_once(Engine({"prod": issuer}, {"shelf": shelf}, clock=clock), clock, seconds=seconds)


def test_throttling_is_waited_out() -> None:
    """A few throttled answers end in success within the run."""
    clock = FakeClock()
    issuer = Issuer(clock)
    issuer.script = [RetryableError("throttled")] * 3
    assert _run(issuer, Shelf(), clock).ok
    assert issuer.calls == 4


def test_it_gives_up_at_its_own_deadline() -> None:
    """A provider that stays down is a failure, after the given time and not much later."""
    clock = FakeClock()
    issuer = Issuer(clock)
    issuer.script = [RetryableError("down")] * 1000
    before = clock.monotonic()
    report = _run(issuer, Shelf(), clock, seconds=30)
    assert not report.ok
    assert report.providers[0].fetch is Fetch.FAILED
    assert clock.monotonic() - before <= 30
    assert issuer.calls > 1


def test_what_only_a_person_can_repair_is_not_tried_again() -> None:
    """A denied request is reported at once."""
    clock = FakeClock()
    issuer = Issuer(clock)
    issuer.script = [PermanentError("denied")] * 9
    assert not _run(issuer, Shelf(), clock).ok
    assert issuer.calls == 1


def test_a_busy_target_is_tried_again_without_another_fetch() -> None:
    """The retry of a target uses the credential at hand."""
    clock = FakeClock()
    issuer, shelf = Issuer(clock), Shelf("a")
    shelf.faults["a"] = Busy("locked")
    engine = Engine({"prod": issuer}, {"shelf": shelf}, clock=clock)
    first = run_once(engine, clock, seconds=1)
    assert not first.ok
    del shelf.faults["a"]
    assert run_once(engine, clock).ok
    assert issuer.calls == 1


def test_the_report_tells_what_the_whole_run_did() -> None:
    """What an early attempt fetched and wrote is not forgotten by a later one."""
    clock = FakeClock()
    issuer, shelf = Issuer(clock), Shelf("a", "b")
    shelf.faults["b"] = Busy("locked")

    class Healing(FakeClock):
        def wait(self, seconds: float, stop: threading.Event) -> bool:
            shelf.faults.clear()
            return super().wait(seconds, stop)

    healing = Healing()
    issuer.clock = healing
    engine = Engine({"prod": issuer}, {"shelf": shelf}, clock=healing)
    (provider,) = run_once(engine, healing).providers
    assert provider.ok
    assert provider.fetch is Fetch.FETCHED
    assert [step.word for step in provider.steps] == ["created", "created"]


def test_a_lock_and_a_failure_are_a_failure() -> None:
    """Being locked out is the verdict only if nothing worse happened."""
    clock = FakeClock()
    lock = MemoryLock()
    broken = Issuer(clock)
    broken.script = [PermanentError("denied")]
    providers = {"held": Issuer(clock), "broken": broken}
    engine = Engine(providers, {"shelf": Shelf()}, clock=clock, lock=lock)
    with lock.hold("held", 0):
        report = run_once(engine, clock, lock_wait=0.01)
    assert not report.ok
    assert not report.locked_out


def test_a_run_that_is_locked_out_says_so() -> None:
    """Another run that never ends is neither success nor a failed target."""
    clock = FakeClock()
    lock = MemoryLock()
    engine = Engine({"prod": Issuer(clock)}, {"shelf": Shelf()}, clock=clock, lock=lock)
    with lock.hold("prod", 0):
        assert run_once(engine, clock, lock_wait=0.01).locked_out


def test_a_stop_ends_the_waiting() -> None:
    """A run that is told to stop makes no further attempt."""
    clock = FakeClock()
    issuer = Issuer(clock)
    issuer.script = [RetryableError("down")] * 9
    stop = threading.Event()
    stop.set()
    engine = Engine({"prod": issuer}, {"shelf": Shelf()}, clock=clock)
    assert not run_once(engine, clock, stop=stop).ok
    assert issuer.calls == 1


def test_no_provider_is_nothing_to_do() -> None:
    """Settings with a store alone are done at once."""
    clock = FakeClock()
    assert run_once(Engine({}, {}, clock=clock), clock).ok


def test_a_lock_that_is_lost_in_the_middle_hides_nothing() -> None:
    """What the first attempt fetched and wrote stays in the report, and the failure counts."""
    lock = MemoryLock()
    shelf = Shelf("a", "b")
    shelf.faults["b"] = Busy("locked")

    class Taken(FakeClock):
        def wait(self, seconds: float, stop: threading.Event) -> bool:
            taken.enter_context(lock.hold("prod", 0))
            return super().wait(seconds, stop)

    with ExitStack() as taken:
        clock = Taken()
        engine = Engine({"prod": Issuer(clock)}, {"shelf": shelf}, clock=clock, lock=lock)
        report = run_once(engine, clock, lock_wait=0.01)
    assert not report.ok
    assert not report.locked_out
    assert [step.word for step in report.providers[0].steps] == ["created", "busy"]
