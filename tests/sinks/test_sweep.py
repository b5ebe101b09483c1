"""The same work for many: a few at a time, each once, and in order."""

import threading
import time

import pytest

from refresher.sinks.sweep import side_by_side
from tests.daemon.running import refuse_threads


@pytest.mark.parametrize("most", [1, 2, 8, 100])
def test_each_is_worked_on_once(most: int) -> None:
    """And no more at a time than was asked for."""
    lock, running, peak, seen = threading.Lock(), 0, 0, list[int]()

    def work(item: int) -> int:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            seen.append(item)
        time.sleep(0.002)
        with lock:
            running -= 1
        return item * item

    assert list(side_by_side(work, range(30), most).items()) == [(n, n * n) for n in range(30)]
    assert sorted(seen) == list(range(30))
    assert peak <= most


def test_nothing_is_nothing() -> None:
    """Without items there is no thread."""
    assert side_by_side(str, [], 8) == {}


def test_an_error_comes_after_the_others_are_done() -> None:
    """It is raised where the call was made."""
    done: list[int] = []

    def work(item: int) -> None:
        if item == 3:
            raise KeyError(item)
        done.append(item)

    with pytest.raises(KeyError):
        side_by_side(work, range(8), 3)
    assert sorted(done) == [0, 1, 2, 4, 5, 6, 7]


def test_a_host_without_threads_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's own thread does it."""
    monkeypatch.setattr(threading.Thread, "start", refuse_threads("Thread-"))
    assert side_by_side(str, range(5), 3) == {n: str(n) for n in range(5)}
