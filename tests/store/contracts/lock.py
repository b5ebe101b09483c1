"""What every lock must do."""

import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from refresher.errors import LockTimeoutError
from refresher.ports import Lock


class LockContract(ABC):
    """The lock. `make_lock` returns one that nobody holds."""

    @abstractmethod
    def make_lock(self) -> Lock:
        """Return a lock with nothing held."""

    @pytest.mark.parametrize("wait", [-1, 0, 0.1], ids=["negative", "none", "short"])
    def test_a_held_name_cannot_be_had(self, wait: float) -> None:
        """Neither another thread nor the holder's own gets it; the error names it."""
        lock = self.make_lock()
        with lock.hold("prod", 0), ThreadPoolExecutor(1) as pool:
            for attempt in (pool.submit(_try, lock, "prod", wait).result, None):
                with pytest.raises(LockTimeoutError, match="prod"):
                    attempt() if attempt else _try(lock, "prod", wait)

    def test_other_names_are_free(self) -> None:
        """Names that look alike, or like paths, are locks of their own, and stay in their place."""
        lock = self.make_lock()
        names = [
            "prod",
            "Prod",
            "prod ",
            "prod/us-west-2",
            "../prod",
            "..",
            "/",
            "",
            "\0",
            "\udc80",
        ]
        names += ["x" * 5000, "x" * 5001, "\N{SNOWMAN}", "prod.lock", "a_b", "a/b"]
        _hold_all(lock, names)

    def test_it_is_free_again_afterwards(self) -> None:
        """Both a normal end and an exception give the name back."""
        lock = self.make_lock()
        with pytest.raises(ZeroDivisionError), lock.hold("prod", 0):
            raise ZeroDivisionError
        _try(lock, "prod", 0)
        _try(lock, "prod", 0)

    def test_it_is_waited_for(self) -> None:
        """A waiting thread gets the name as soon as the holder lets go."""
        lock = self.make_lock()
        for wait in (30, float("inf")):
            started = threading.Event()

            def late(wait: float = wait, started: threading.Event = started) -> None:
                started.set()
                _try(lock, "prod", wait)

            with ThreadPoolExecutor(1) as pool:
                with lock.hold("prod", 0):
                    waiting = pool.submit(late)
                    assert started.wait(10)
                waiting.result(10)

    def test_one_thread_at_a_time(self) -> None:
        """Many threads that read, pause and write under the lock lose no step."""
        lock = self.make_lock()
        pause = threading.Event()
        count = [0]

        def step(_: int) -> None:
            with lock.hold("prod", 30):
                seen = count[0]
                pause.wait(0.001)
                count[0] = seen + 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(step, range(24)))
        assert count == [24]


def _try(lock: Lock, name: str, wait: float) -> None:
    with lock.hold(name, wait):
        pass


def _hold_all(lock: Lock, names: list[str]) -> None:
    if names:
        with lock.hold(names[0], 0):
            _hold_all(lock, names[1:])
