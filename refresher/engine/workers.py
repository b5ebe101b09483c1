"""Calls that may hang, run so that they hold nobody else up."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from refresher.errors import RetryableError

T = TypeVar("T")

_MOST_ABANDONED: Final = 3
_MOST_RISKED: Final = 13


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of one call: a value, or the error that it ended with."""

    value: T | None = None
    error: Exception | None = None

    def get(self) -> T:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a call that returns None has T = None


class Workers(Protocol):
    """Runs calls side by side."""

    def run(self, calls: Mapping[str, Callable[[], T]], seconds: float) -> Mapping[str, Answer[T]]:
        """Run all calls at once and return the answer of each, after `seconds` at the latest.

        A call that has not ended by then is answered with a `RetryableError`
        and left to itself.
        """
        ...

    def mutex(self) -> AbstractContextManager[object]:
        """Return a lock between calls that run side by side."""
        ...


class ThreadWorkers:
    """Runs each call on a thread of its own, which never keeps the process from ending.

    A call that hangs for good costs its thread. When three of one name hang, the
    name is answered with an error at once, until one of them ends. A further
    thread is risked after a quarter of an hour, then after twice as long, and so
    on, up to sixteen: trying goes on, and threads do not run out.
    """

    def __init__(self, *, patience: float = 900.0) -> None:
        """Start with no thread. `patience` is the time in seconds between risked threads."""
        self._abandoned: Counter[str] = Counter()
        self._risked: dict[str, float] = {}
        self._patience = patience
        self._lock = threading.Lock()

    def run(self, calls: Mapping[str, Callable[[], T]], seconds: float) -> Mapping[str, Answer[T]]:
        """See `Workers.run`."""
        jobs = {name: _Job(name, call) for name, call in calls.items()}
        finished = threading.Semaphore(0)
        for job in jobs.values():
            if self._may_start(job.name):
                threading.Thread(
                    target=self._work, args=(job, finished), name=job.name, daemon=True
                ).start()
            else:
                job.answer = Answer(error=_stuck(job.name))
                finished.release()
        _await_all(finished, len(jobs), seconds)
        return {name: self._collect(job, seconds) for name, job in jobs.items()}

    def mutex(self) -> AbstractContextManager[object]:
        """See `Workers.mutex`."""
        return threading.Lock()

    def _may_start(self, name: str) -> bool:
        now = time.monotonic()
        with self._lock:
            extra = self._abandoned[name] - _MOST_ABANDONED
            patience = self._patience * 2.0 ** max(extra, 0)
            waiting = now - self._risked.get(name, now) < patience
            if extra >= _MOST_RISKED or (extra >= 0 and waiting):
                return False
            self._risked[name] = now
            return True

    def _work(self, job: "_Job[T]", finished: threading.Semaphore) -> None:
        try:
            answer = Answer(value=job.call())
        except Exception as error:  # noqa: BLE001 - an answer like any other: the caller sorts it
            answer = Answer(error=error)
        except BaseException as error:  # noqa: BLE001 - SystemExit ends no thread of ours
            answer = Answer(error=RuntimeError(type(error).__name__))
        with self._lock:
            job.answer = answer
            if job.abandoned:
                self._abandoned[job.name] -= 1
        finished.release()

    def _collect(self, job: "_Job[T]", seconds: float) -> Answer[T]:
        with self._lock:
            if job.answer is None:
                job.abandoned = True
                self._abandoned[job.name] += 1
                return Answer(error=_late(job.name, seconds))
            return job.answer


class _Job(Generic[T]):
    """A call under way."""

    def __init__(self, name: str, call: Callable[[], T]) -> None:
        self.name = name
        self.call = call
        self.answer: Answer[T] | None = None
        self.abandoned = False


def _await_all(finished: threading.Semaphore, count: int, seconds: float) -> None:
    deadline = threading.TIMEOUT_MAX if seconds == float("inf") else seconds
    end = time.monotonic() + deadline
    for _ in range(count):
        if not finished.acquire(timeout=max(end - time.monotonic(), 0.0)):
            return


def _late(name: str, seconds: float) -> RetryableError:
    return RetryableError(f"{name}: no answer within {seconds:.3g} s")


def _stuck(name: str) -> RetryableError:
    return RetryableError(
        f"{name}: {_MOST_ABANDONED} earlier calls still hang",
        hint="whatever it talks to accepts connections and never answers",
    )
