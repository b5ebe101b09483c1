"""Reloads: one at a time, whatever they come to, and also when they hang."""

import threading
import time
from collections.abc import Callable

import pytest

from refresher.daemon.agenda import Duty
from refresher.daemon.awake import Awake
from refresher.daemon.reloading import Reloader
from refresher.engine.engine import Engine
from refresher.errors import PermanentError, RefresherError
from refresher.testing import FakeClock


class Making:
    """Makes duties, as `steps` say; without any more, plain ones. Counts them."""

    def __init__(self, *steps: Callable[[], Duty]) -> None:
        self.steps = list(steps)
        self.count = 0

    def __call__(self) -> Duty:
        """Do the next step."""
        self.count += 1
        return self.steps.pop(0)() if self.steps else duty()


class Stand:
    """A reloader whose owner turns when it is rung for."""

    def __init__(self, make: Making | None, clock: FakeClock | None = None) -> None:
        self.rung = threading.Semaphore(0)
        self.clock = clock or FakeClock()
        self.reloader = Reloader(make, Awake(self.clock, 30.0), ring=self.rung.release)

    def result(self) -> Duty | RefresherError | None:
        """Turn at each ring until there is a result, for a while."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            result = self.reloader.turn()
            if result is not None or not self.rung.acquire(timeout=0.3):
                return result
        raise AssertionError("it rings for ever")


def duty() -> Duty:
    """Return a duty without anything to do."""
    return Duty(Engine({}, {}))


def raising(error: BaseException) -> Callable[[], Duty]:
    """Return a step that raises."""

    def step() -> Duty:
        raise error

    return step


def test_a_wish_is_granted_once() -> None:
    """Wishes that come together cost one reload, and its result is returned once."""
    make = Making()
    stand = Stand(make)
    for _ in range(50):
        stand.reloader.wish()
    assert isinstance(stand.result(), Duty)
    assert stand.reloader.turn() is None
    assert make.count == 1


def test_nothing_is_made_without_a_wish_or_a_way() -> None:
    """A turn alone makes nothing, and where no duty can be made a wish changes nothing."""
    make = Making()
    assert Stand(make).result() is None
    assert make.count == 0
    stand = Stand(None)
    stand.reloader.wish()
    assert stand.result() is None


def test_a_wish_during_a_reload_makes_another_one() -> None:
    """The settings may have changed after they were read."""
    begun, release = threading.Event(), threading.Event()

    def slow() -> Duty:
        begun.set()
        release.wait(10)
        return duty()

    make = Making(slow)
    stand = Stand(make)
    stand.reloader.wish()
    stand.reloader.turn()
    assert begun.wait(10)
    stand.reloader.wish()
    assert stand.reloader.turn() is None
    assert make.count == 1
    release.set()
    assert isinstance(stand.result(), Duty)
    assert isinstance(stand.result(), Duty)
    assert make.count == 2


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermanentError("line 3 is wrong"), "line 3 is wrong"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (SystemExit(1), "SystemExit"),
    ],
    ids=["wrong settings", "fault of ours", "exit"],
)
def test_what_a_reload_raises_is_its_result(error: BaseException, text: str) -> None:
    """Whatever it is, the owner hears of it, and the next wish is granted."""
    stand = Stand(Making(raising(error)))
    stand.reloader.wish()
    result = stand.result()
    assert isinstance(result, RefresherError)
    assert text in str(result)
    stand.reloader.wish()
    assert isinstance(stand.result(), Duty)


def test_a_reload_that_hangs_is_given_up() -> None:
    """After a minute that is told, the next wish is granted, and the late result is dropped."""
    begun, release = threading.Event(), threading.Event()

    def hang() -> Duty:
        begun.set()
        release.wait(10)
        return duty()

    make = Making(hang)
    stand = Stand(make)
    stand.reloader.wish()
    stand.reloader.turn()
    assert begun.wait(10)
    for _ in range(2):
        assert stand.reloader.turn() is None
        stand.clock.advance(30.0)
    assert "no answer within 60 s" in str(stand.reloader.turn())
    stand.reloader.wish()
    fresh = stand.result()
    assert isinstance(fresh, Duty)
    release.set()
    assert stand.result() is None
    assert make.count == 2


def test_a_reload_without_a_thread_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is out of threads costs a turn."""
    stand = Stand(Making())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        stand.reloader.wish()
        assert stand.reloader.turn() is None
    assert isinstance(stand.result(), Duty)


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
